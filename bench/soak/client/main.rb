# frozen_string_literal: true

# A process of clients. Its only argument is JSON: who they are, and where the server is. A line on standard input asks
# for what was seen since the last one; at its end they finish what they have begun. Answers are lines of JSON.

require "json"
require_relative "mix"
require_relative "plain"

what = JSON.parse(ARGV.fetch(0), symbolize_names: true)
tally = Soak::Client::Tally.new
client =
  if what[:client] == "mix"
    Soak::Client::Mix.new(what[:port], tally, rate: what[:rate], seed: what[:seed])
  else
    body = Soak::Content.bytes(1, 512) if what[:path]
    Soak::Client::Plain.new(what[:port], tally, rate: what[:rate], connections: what[:connections],
                                                path: what[:path], body: body)
  end

$stdout.sync = true
puts "ready"
client.run($stdin) do
  asked = $stdin.gets
  puts JSON.generate(tally.take) if asked
  asked
end
puts JSON.generate(tally.take)
