# frozen_string_literal: true

require "json"
require "time"

# The access log of a real process: one line for each request that was answered, whatever clients say.
RSpec.describe "the access log" do
  # /nap takes 50 ms, /id answers with an id of its own, /missing with 404, /raise does.
  app = <<~RUBY
    TEXT = {"content-type" => "text/plain"}
    run(lambda do |env|
      case env["PATH_INFO"]
      when "/nap" then sleep 0.05
      when "/id" then next [200, TEXT.merge("x-request-id" => "of-the-app"), ["id"]]
      when "/missing" then next [404, TEXT, ["no"]]
      when "/raise" then raise "on purpose"
      end
      [200, TEXT, ["hello"]]
    end)
  RUBY
  let(:app_text) { app }

  def start(*arguments, **options)
    start_hyperion("-p", "0", *arguments, app: app_text, **options)
  end

  def client(process)
    Support::RawClient.new(process.port)
  end

  # The access lines once there are so many.
  def lines(process, count)
    wait_until("#{count} lines") { process.stdout.lines.grep(/access/).size >= count }
    process.stdout.lines.grep(/access/)
  end

  it "tells of requests that their clients broke off what had come of them, and nothing of anybody else" do
    process = start("--log-format", "text")
    client(process).tap { |one| one.fetch("GET", "/secret?token=hunter2", {"authorization" => "Basic c2VjcmV0"}) }.close
    # A reset takes with it what the server has not read, so it is tried until a line shows that some had come.
    {"/0" => "GET /0#{"A" * 60_000} HTTP/1.1\r\nHost: a\r\n",
     "/x" => "GET /x HTTP/1.1\r\nA: #{"A" * 60_000}\r\nX-Request-Id: 1\r\n",
     "/reset" => "POST /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"}.each do |path, bytes|
      wait_until("a line for #{path}") do
        one = client(process).write(bytes)
        sleep 0.02
        one.reset
        process.stdout.match?(/ #{path}A* 499 /)
      end
    end
    ends = {"/body" => "Content-Length: 10\r\n\r\nabc", "/chunk" => "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}
    ends.each { |path, rest| client(process).write("POST #{path} HTTP/1.1\r\nHost: a\r\n#{rest}").close_write }
    wait_until("the lines") { ends.keys.all? { |path| process.stdout.include?("POST #{path} 499 ") } }
    client(process).fetch("GET", "/last")
    wait_until("the last line") { process.stdout.include?("GET /last 200") }
    lines = process.stdout.lines.grep(/access/)

    expect(lines.first).to include("GET /secret?token=hunter2 200")
    expect(lines.drop(1).grep(/hunter2|c2VjcmV0|\\x/)).to eq([])
    expect(lines.drop(1)).to all(match(%r{access: (?:GET|POST)? ?(?:/\w*)? ?(?:499|200) }))
  end

  it "as text: time, method, target, status, duration, bytes, client, version, request id" do
    process = start("--log-format", "text")
    one = client(process)
    one.fetch("GET", "/nap?a=1&b=2", {"x-request-id" => "of-the-client"})
    one.fetch("GET", "/id", {"x-request-id" => "of-the-client"})
    one.fetch("HEAD", "/missing")
    one.fetch("GET", "/raise")
    one.fetch("GET", "http://example.org/absolute?q", version: "HTTP/1.0")
    got = lines(process, 5)

    stamp = /\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO access: /
    expect(got).to all(match(stamp))
    shape = %r{(\S+ \S+ \d{3}) (\d+\.\d{3})ms (\d+)B 127\.0\.0\.1 (HTTP/1\.[01])(.*)\n\z}
    words = got.map { |line| line.sub(stamp, "")[shape] ? Regexp.last_match.captures : line }
    expect(words.map { |what, _, bytes, version, rest| [what, bytes, version, rest] })
      .to eq([["GET /nap?a=1&b=2 200", "5", "HTTP/1.1", " request_id=of-the-client"],
              ["GET /id 200", "2", "HTTP/1.1", " request_id=of-the-app"],
              ["HEAD /missing 404", "0", "HTTP/1.1", ""],
              ["GET /raise 500", words[3][2], "HTTP/1.1", ""],
              ["GET /absolute?q 200", "5", "HTTP/1.0", ""]])
    # The nap is in the duration; nothing else takes half as long as the patience of a test.
    durations = words.map { |word| Float(word[1]) }
    expect(durations.first).to be_between(50, Support::Waiting::PATIENCE * 1000)
    expect(durations.drop(1)).to all(be_between(0, Support::Waiting::PATIENCE * 500))
  end

  it "as JSON, with the same facts under their names" do
    process = start("--log-format", "json")
    client(process).fetch("GET", "/nap?a=1", {"x-request-id" => "of-the-client"})
    line = JSON.parse(lines(process, 1).first)

    expect(Time.iso8601(line.fetch("ts"))).to be_within(60).of(Time.now)
    expect(line.fetch("duration_ms")).to be_between(50, Support::Waiting::PATIENCE * 1000)
    expect(line.except("ts", "duration_ms"))
      .to eq("level" => "info", "source" => "access", "message" => "request", "method" => "GET", "path" => "/nap",
             "query" => "a=1", "status" => 200, "bytes" => 5, "remote_addr" => "127.0.0.1",
             "http_version" => "HTTP/1.1", "request_id" => "of-the-client")
  end

  it "not at all, when it is off or the level is higher" do
    %w[--no-log-requests --log-level=warn].each do |option|
      process = start(option)
      before = process.stdout
      expect(client(process).fetch("GET", "/raise").status).to eq(500)
      wait_until("the error's line") { process.stderr.include?("on purpose") }
      process.signal("TERM")
      expect(exit_status(process)).to eq(0)
      expect(process.stdout.delete_prefix(before)).not_to match(/access|GET/)
    end
  end

  it "escapes what clients send: no line is forged, no terminal steered, no JSON broken" do
    target = "/a[31m?\x9b\"\\u0000\"\xff\xc2\x85\\".b
    id = "id\t\"q\" \x9b31m \xc3\xa4".b
    steering = /[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/n
    expected = {
      "text" => [include('/a[31m?\x9b\"\\\\u0000\"\xff\xc2\x85\\\\ 200 '),
                 end_with(%( request_id="id\\x09\\"q\\" \\x9b31m \u00e4"\n))],
      "json" => [include("\\u0085")]
    }
    expected.each do |format, parts|
      process = start("--log-format", format)
      # A control character in the target is refused: the line in the log tells of it, too.
      refused = client(process).write("GET /a\e[31m HTTP/1.1\r\nHost: a\r\n\r\n")
      expect(refused.read_response.status).to eq(400)
      served = client(process).write("GET #{target} HTTP/1.1\r\nHost: a\r\nX-Request-Id: #{id}\r\n\r\n")
      expect(served.read_response.status).to eq(200)
      wait_until("the refusal") { process.stderr.include?("request target") }
      got = lines(process, 2).map { |line| line.dup.force_encoding(Encoding::UTF_8) }

      [*got, *process.stderr.lines].each do |line|
        expect(line.b).not_to match(steering)
        expect(line).to be_valid_encoding
      end
      parts.each { |part| expect(got.last).to part }
      next unless format == "json"

      expect(JSON.parse(got.last)).to include("path" => "/a[31m", "query" => "\ufffd\"\\u0000\"\ufffd\u0085\\",
                                              "request_id" => "id\t\"q\" \ufffd31m \u00e4")
    end
  end

  it "writes many lines at once" do
    # Every write to a socket of packets is a packet of its own.
    ours, theirs = Socket.pair(:UNIX, :SEQPACKET)
    # No banner can be read from a file then: the address is one that the test knows.
    process = spawn_hyperion("-b", "unix://socket", options: {out: theirs})
    theirs.close
    wait_for_socket(process.path("socket"))
    one = Support::RawClient.new(path: process.path("socket"))
    wait_until("an answer") { one.fetch.status == 200 }
    500.times { one.request }
    500.times { one.read_response }

    packets = []
    wait_until("all lines") do
      packets << ours.recv(1 << 16)
      packets.sum { |packet| packet.scan(" access: ").size } >= 501
    end
    packets.select! { |packet| packet.include?(" access: ") }
    expect(packets.size).to be < 100
    expect(packets).to all(end_with("\n"))
  end

  it "stops nobody when nobody reads it; what is dropped is counted and told" do
    reader, writer = IO.pipe
    process = spawn_hyperion("-b", "unix://socket", options: {out: writer})
    writer.close
    wait_for_socket(process.path("socket"))
    one = Support::RawClient.new(path: process.path("socket"))
    long = "/#{"l" * 1500}"
    asked = 0
    wait_until("lines to be dropped") do
      50.times { one.request("GET", long) }
      50.times { expect(one.read_response.status).to eq(200) }
      asked += 50
      process.stderr.include?(" WARN log: log lines were dropped because nobody took them: ")
    end

    collector = Thread.new { reader.read }
    process.signal("TERM")
    expect(exit_status(process)).to eq(0)
    written = collector.value
    dropped = process.stderr.scan(/nobody took them: (\d+)/).flatten.sum { |number| Integer(number) }
    # The line that tells of the stop may be among them.
    others = written.include?("TERM: stopping") ? 0 : 1
    expect(written.scan(%r{ access: GET /l+ 200 .*\n}).size + dropped).to eq(asked + others)
  end
end
