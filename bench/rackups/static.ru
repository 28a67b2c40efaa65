# frozen_string_literal: true

Hyperion::Server.handle_static("GET", "/", "hello")
run ->(_env) { [404, {"content-type" => "text/plain"}, ["not found"]] }
