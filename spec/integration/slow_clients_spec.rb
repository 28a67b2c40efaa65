# frozen_string_literal: true

# Clients that take their time with what they send, or never send it, and more of them than there is room for.
RSpec.describe "slow clients" do
  # Gives back what it was sent; /entered tells how often the application was called with a body.
  app = <<~RUBY
    ENTERED = [0]
    TEXT = {"content-type" => "text/plain"}
    run(lambda do |env|
      next [200, TEXT, [ENTERED[0].to_s]] if env["PATH_INFO"] == "/entered"

      ENTERED[0] += 1 if env["REQUEST_METHOD"] == "POST"
      [200, TEXT, ["got ", env["rack.input"].read]]
    end)
  RUBY

  let(:app_text) { app }

  def start(*arguments, **options)
    start_hyperion("-p", "0", *arguments, app: app_text, **options)
  end

  def client(process)
    Support::RawClient.new(process.port)
  end

  # Seconds of one request of `other`.
  def seconds(other)
    began = monotonic
    expect(other.fetch("GET", "/entered").status).to eq(200)
    monotonic - began
  end

  it "hold no thread while they send their requests byte by byte" do
    process = start("-t", "1")
    other = client(process)
    request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n#{"b" * 20}"
    chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n#{"b" * 20}\r\n0\r\n\r\n"
    writers = ([request, chunked] * 10).map { |text| [client(process), text] }
    longest = chunked.size
    # All but the last byte.
    (0...longest).each do |at|
      writers.each { |writer, text| writer.write(text[at]) if at < text.size - 1 }
      other.fetch("GET", "/entered") if (at % 10).zero?
    end
    expect(other.fetch("GET", "/entered").body).to eq("0")

    writers.each { |writer, text| writer.write(text[-1]) }
    expect(writers.map { |writer, _| writer.read_response.body }).to all(eq("got #{"b" * 20}"))
    expect(other.fetch("GET", "/entered").body).to eq("20")
  end

  it "that fall silent in a request get a 408, complete, and a line in the log; others just end" do
    process = start("--header-timeout", "300ms", "--body-timeout", "400ms", "--idle-keepalive", "30s")
    head = "POST / HTTP/1.1\r\nHost: a\r\n"
    silent = {
      "GET / HTTP/1.1\r\nHo" => [408, /408 the request head was not complete within header-timeout \(127\.0\.0\.1/],
      "G" => [408, /within header-timeout/],
      "#{head}Content-Length: 5\r\n\r\nab" => [408, %r{408 the request body made no progress .*body-timeout .* POST /}],
      "#{head}Transfer-Encoding: chunked\r\n\r\n5\r\nab" => [408, /body-timeout/],
      "#{head}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Tra" => [408, /body-timeout/],
      "" => [nil, nil]
    }
    clients = silent.keys.map { |bytes| client(process).write(bytes) }
    clients.zip(silent.values).each do |one, (status, _)|
      answer = one.read_all
      next expect(answer).to eq("") unless status

      expect(answer).to match(%r{\AHTTP/1\.1 408 Request Timeout\r\n(?:\S.*\r\n)*connection: close\r\n\r\n})
      expect(answer).to end_with("\r\n\r\nRequest Timeout\n")
    end

    wait_until("the log") { process.stderr.lines.size >= 5 }
    silent.values.filter_map(&:last).each { |words| expect(process.stderr).to match(words) }
    expect(process.stderr.lines.size).to eq(5)
    told = process.stdout.scan(/ access: (\S+ \S+) 408 /).flatten
    expect(told.sort).to eq(["- -", "GET /", "POST /", "POST /", "POST /"])
  end

  it "that ask one thing after the other and never read are held up, not stored" do
    served = Queue.new
    server = start_server do |_env|
      served << true
      [200, {"content-type" => "text/plain"}, ["x" * 1_000_000]]
    end
    greedy = connect(server)
    asked = (1..100).find do |number|
      greedy.request
      # Each request comes when the one before has been answered: none waits in the session.
      deadline = monotonic + 0.5
      sleep 0.001 until served.size == number || monotonic > deadline
      sleep 0.005
      served.size < number
    end

    # As much as the sockets hold.
    expect(asked).to be_between(1, 30)
    expect(fetch(server).body.size).to eq(1_000_000)
    expect(Array.new(asked) { greedy.read_response.body.size }).to all(eq(1_000_000))
  end

  it "that are more than there are descriptors wait; who is there is served, and the log says what to do" do
    process = start("-t", "2", "--max-connections", "off", options: {rlimit_nofile: [48, 48]})
    old = client(process)
    uploader = client(process)
    [old, uploader].each { |one| expect(one.fetch.status).to eq(200) }
    Support::Crowd.open(process.port, 60) do
      wait_until("the complaint") { process.stderr.include?("cannot accept") }
      20.times { expect(old.fetch.body).to eq("got ") }
      # What needs a descriptor of its own fails by itself.
      uploader.request("POST", "/", {}, "b" * 1_000_000)
      expect(uploader.read_response.status).to eq(500)
    end
    place = Regexp.escape("cannot accept connections on tcp://127.0.0.1:#{process.port}: ")
    expect(process.stderr)
      .to match(/ ERROR server: #{place}.*Too many open files; .* in use: \d+; raise the limit .*\(ulimit -n\)$/)

    expect(client(process).fetch.body).to eq("got ")
    expect(client(process).fetch("POST", "/", {}, "b" * 1_000_000).body.size).to eq(1_000_004)
    expect(process.stderr.scan("cannot accept").size).to be <= 3
  end

  # One round for clients that are in the middle of a head: who has an answer is done, the others send a byte more.
  # @param began [Hash{Socket => Float}] the waiting ones, with the time of their first byte; loses who is done
  # @return [Array<Array(String, Float)>] of those who are done: the status, "" without one, and the seconds it took
  def crawl(began)
    began.keys.filter_map do |socket|
      answer = socket.read_nonblock(4096, exception: false)
      next socket.write_nonblock("x", exception: false) && nil if answer == :wait_readable

      [answer.to_s[/ (\d+) /, 1].to_s, monotonic - began.delete(socket)]
    rescue SystemCallError
      ["", monotonic - began.delete(socket)]
    end
  end

  it "that send a byte a second, 10,000 of them, are answered 408 in time, and others do not notice", :measure do
    skip "too few descriptors" unless Support::Crowd.possible?(10_000)
    process = start("--header-timeout", "2s", "-t", "1")
    other = client(process)
    100.times { other.fetch }
    before = Support::Footprint.memory(process.pid)
    began = {}
    done = []
    pauses = []
    Support::Crowd.open(process.port, 0) do |crowd|
      20.times do
        crowd.grow(500).each { |socket| socket.write("G") && began[socket] = monotonic }
        pauses << seconds(other)
      end
      until began.empty?
        next_round = monotonic + 1
        done.concat(crawl(began))
        pauses << seconds(other) << seconds(other)
        sleep [next_round - monotonic, 0].max unless began.empty?
      end
    end

    expect(done.map(&:first).tally).to eq("408" => 10_000)
    # Two seconds, and the round in which it was seen, which takes its time here.
    expect(done.map(&:last).max).to be < 10
    expect(pauses.sort[pauses.size / 2]).to be < 0.1
    expect(Support::Footprint.peak(process.pid) - before).to be < 60_000_000
    expect(process.stderr).to include("408 the request head was not complete within header-timeout")
    expect(other.fetch.status).to eq(200)
  end

  it "that are idle, 10,000 of them, cost less than 60 MB", :measure do
    skip "too few descriptors" unless Support::Crowd.possible?(10_000)
    process = start("--no-log-requests")
    1000.times { client(process).tap(&:fetch).close }
    before = Support::Footprint.memory(process.pid)
    Support::Crowd.open(process.port, 10_000) do |crowd|
      crowd.write("GET / HTTP/1.1\r\nHost: idle\r\nUser-Agent: #{"u" * 100}\r\nAccept: */*\r\n\r\n").read_some
      expect(Support::Footprint.memory(process.pid) - before).to be < 60_000_000
    end
  end
end
