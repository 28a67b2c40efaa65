# frozen_string_literal: true

# One request in ten sleeps 10 ms, as if it asked a database.
require_relative "nap"

run(lambda do |env|
  next Nap.report if env["PATH_INFO"] == "/nap"

  Nap.now_and_then
  [200, {"content-type" => "text/plain"}, ["hello"]]
end)
