# frozen_string_literal: true

# Measurements; nothing else should run on the machine meanwhile. See bench/run_all.sh for the comparison of servers.

require "shellwords"
require_relative "toolbox"

desc "Compare servers (ARGS, as of bench/run_all.sh)"
task :bench do
  sh("bench/run_all.sh", *Shellwords.split(ENV.fetch("ARGS", "")))
end

namespace :bench do
  desc "Build the micro benchmarks of the native core, in tmp/micro, without assertions"
  task :micro do
    Toolbox.build("tmp/micro", HYPERION_BENCH: "ON")
    # Without liburing some are not there.
    programs = FileList["bench/micro/*.cpp"].map { |source| "tmp/micro/#{File.basename(source, ".cpp")}" }
    puts(programs.select { |program| File.exist?(program) })
  end
end
