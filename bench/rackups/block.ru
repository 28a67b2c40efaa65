# frozen_string_literal: true

Hyperion::Server.handle("GET", "/") { |_env| [200, {"content-type" => "text/plain"}, ["hello"]] }
run ->(_env) { [404, {"content-type" => "text/plain"}, ["not found"]] }
