# frozen_string_literal: true

# JSON of 50 keys, and one request in ten sleeps 10 ms.
require "json"
require_relative "nap"

KEYS = Array.new(50) { |number| ["key#{number}", "value #{number}"] }.to_h.freeze

run(lambda do |env|
  next Nap.report if env["PATH_INFO"] == "/nap"

  Nap.now_and_then
  [200, {"content-type" => "application/json"}, [JSON.generate(KEYS)]]
end)
