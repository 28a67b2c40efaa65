# frozen_string_literal: true

5_000.times do |number|
  Hyperion::Server.handle("GET", "/blocks/#{number}") { |_env| [200, {"content-type" => "text/plain"}, ["hello"]] }
  Hyperion::Server.handle_static("GET", "/statics/#{number}", "hello")
end
Hyperion::Server.handle_static("GET", "/", "hello")
run ->(_env) { [404, {"content-type" => "text/plain"}, ["not found"]] }
