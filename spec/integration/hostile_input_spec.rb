# frozen_string_literal: true

# What no honest client sends, on a real socket: the status that the rule names, complete, a line in the log, an end
# without a reset; the application sees none of it, and the server goes on.
RSpec.describe "hostile input" do
  # The limits of the corpus that options can set; the others are for the native tests.
  keywords = {max_header_bytes: :max_header_bytes, max_body_bytes: :max_body_bytes,
              drop_underscore_fields: :drop_underscore_headers}

  let(:paths) { Queue.new }

  def start(**options)
    start_server(lint: false, **options) do |env|
      paths << env["PATH_INFO"]
      [200, {"content-length" => "3"}, ["ok\n"]]
    end
  end

  # All that the server says to `one`.
  def answer(server, one)
    connect(server) do |client|
      client.write(one.input)
      # A refusal ends the connection by itself.
      client.close_write if one.half_close || one.refused.nil? || one.refused == "truncated_request"
      client.read_all
    end
  end

  def statuses(wire)
    wire.scan(%r{^HTTP/1\.1 (\d{3})}).flatten.map { |status| Integer(status) } - [100]
  end

  # Whether the last response on the wire is whole, and says that it is the last.
  def complete_end?(wire)
    head, body = wire[wire.rindex("HTTP/1.1 ")..].split("\r\n\r\n", 2)
    head.match?(/^connection: close\r?$/) && [0, Integer(head[/^content-length: (\d+)/, 1])].include?(body.bytesize)
  end

  refusals_logged = lambda do |lines|
    lines.filter_map { |line| line[/ WARN http: (\d{3}) \S.* \(127\.0\.0\.1/, 1]&.to_i }.tally
  end

  cases = Support::Corpus.cases.select { |one| (one.limits.keys - keywords.keys).empty? }

  it "is answered as #{cases.size} cases of the corpus say, and each refusal is logged", no_lint: "targets like *" do
    servers = Hash.new do |all, limits|
      all[limits] = start(**limits.to_h do |name, value|
        [keywords.fetch(name), name == :drop_underscore_fields || value]
      end)
    end
    cases.each do |one|
      wire = answer(servers[one.limits], one)
      expect(statuses(wire)).to eq(one.answers), "#{one.where}: #{one.rule}: #{wire}"
      next if one.refused.nil? || one.answers.last.to_i < 400

      expect(complete_end?(wire)).to be(true), "#{one.where}: #{one.rule}: #{wire}"
    end

    servers.each do |limits, server|
      expected = cases.select { |one| one.limits == limits }.flat_map { |one| one.answers.grep(400..) }.tally
      wait_until("the log to have #{expected}") { refusals_logged.call(log_lines(server)) == expected }
      expect(log_lines(server).grep(/ ERROR /)).to eq([])
    end
    seen = Array.new(paths.size) { paths.pop }
    expect(seen.size).to eq(cases.sum { |one| one.answers.count(200) })
    expect(seen.grep(/hidden/)).to eq([])
  end

  it "that is too large is answered, although the client goes on sending for megabytes" do
    server = start(max_body_bytes: 1000, max_header_bytes: 4096)
    head = "POST / HTTP/1.1\r\nHost: a\r\n"
    more = "x" * (8 << 20)
    {
      "#{head}Content-Length: #{more.size}\r\n\r\n#{more}" => 413,
      "#{head}Transfer-Encoding: chunked\r\n\r\n#{more.size.to_s(16)}\r\n#{more}" => 413,
      "#{head}Transfer-Encoding: chunked\r\n\r\n#{"64\r\n#{"x" * 100}\r\n" * 50_000}" => 413,
      "GET /#{more}" => 414,
      "GET / HTTP/1.1\r\nHost: a\r\nX: #{more}" => 431,
      "GET / HTTP/1.1\r\nHost: a\r\n#{"A: b\r\n" * (1 << 20)}" => 431,
      "#{head}Transfer-Encoding: chunked\r\n\r\n0\r\nT: #{more}" => 431
    }.each do |input, status|
      connect(server) do |client|
        client.write(input)
        wire = client.read_all
        expect([statuses(wire), complete_end?(wire)]).to eq([[status], true]), "#{input[0, 100]}: #{wire}"
      end
    end
    expect(fetch(server).status).to eq(200)
    expect(paths.size).to eq(1)
    wait_until("the log") { refusals_logged.call(log_lines(server)) == {413 => 3, 414 => 1, 431 => 3} }
  end

  it "that nobody thought of neither ends nor stops it" do
    server = start(max_header_bytes: 2048)
    chance = Random.new(RSpec.configuration.seed)
    inputs = Support::Corpus.cases.map(&:input).reject { |input| input.bytesize > 4000 }
    clients = Array.new(300) do
      bytes = inputs.sample(2, random: chance).join
      chance.rand(1..8).times { bytes.setbyte(chance.rand(bytes.bytesize), chance.rand(256)) }
      connect(server).write(bytes).tap { |client| chance.rand < 0.3 ? client.reset : client.close_write }
    end
    clients.each do |client|
      next if client.socket.closed?

      expect(statuses(client.read_all(reset_ok: true)) - [200, 400, 413, 414, 417, 431, 501, 505]).to eq([])
    end

    expect(fetch(server).status).to eq(200)
    wait_until("all connections to end") { server.stats[:connections_active] <= 1 }
    expect(log_lines(server).grep(/ ERROR /)).to eq([])
  end
end
