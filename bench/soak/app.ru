# frozen_string_literal: true

require_relative "application"

# The static profile asks for this one; it takes no app thread.
Hyperion::Server.handle_static("GET", "/static", Soak::Content.bytes(1, 512))
run Soak::Application.new(ENV.fetch("SOAK_FILE"))
