# frozen_string_literal: true

Hyperion::Runtime.default.on_request_start { nil }.on_request_end { nil }
Hyperion::Server.handle_static("GET", "/", "hello")
run ->(_env) { [404, {"content-type" => "text/plain"}, ["not found"]] }
