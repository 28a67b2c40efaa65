# frozen_string_literal: true

require "json"

KEYS = Array.new(50) { |number| ["key#{number}", "value #{number}"] }.to_h.freeze

run ->(_env) { [200, {"content-type" => "application/json"}, [JSON.generate(KEYS)]] }
