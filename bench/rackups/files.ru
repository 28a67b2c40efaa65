# frozen_string_literal: true

# Files of BENCH_FILES, as Rack serves them: a body with to_path.
require "rack"

run Rack::Files.new(ENV.fetch("BENCH_FILES"))
