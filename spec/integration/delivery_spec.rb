# frozen_string_literal: true

# A response arrives once, byte for byte, whatever its reader does, in bounded memory, and nobody else notices.
RSpec.describe "delivery" do
  # /each and /file answer with 1 GiB in blocks of 1 MiB, each of which begins with its number; /produced tells how many
  # blocks of the former have been made. /large is a megabyte, /nap takes a moment, /body gives back what it was sent.
  app = <<~RUBY
    MIB = 1 << 20
    HEAD = {"content-type" => "application/octet-stream", "content-length" => (MIB << 10).to_s}
    PATTERN = Random.new(1).bytes(MIB)
    PRODUCED = [0]
    EACH = Object.new
    def EACH.each
      block = PATTERN.dup
      1024.times do |number|
        PRODUCED[0] = number
        block[0, 8] = [number].pack("Q>")
        yield block
      end
    end
    File.open("gib", "wb") do |file|
      file.truncate(MIB << 10)
      1024.times { |number| file.pwrite([number].pack("Q>"), number * MIB) }
    end
    FILE = Object.new
    def FILE.to_path = File.expand_path("gib")
    def FILE.each = File.open("gib", "rb") { |file| yield file.read(MIB) until file.eof? }
    TEXT = {"content-type" => "text/plain"}
    run(lambda do |env|
      case env["PATH_INFO"]
      when "/each" then [200, HEAD, EACH]
      when "/file" then [200, HEAD, FILE]
      when "/produced" then [200, TEXT, [PRODUCED[0].to_s]]
      when "/large" then [200, TEXT, ["m" * MIB]]
      when "/nap"
        sleep 0.05
        [200, TEXT, ["rested"]]
      when "/body" then [200, TEXT, [env["rack.input"].read]]
      else [200, TEXT, ["hello"]]
      end
    end)
  RUBY
  mib = 1 << 20

  let(:app_text) { app }

  def start(*arguments)
    start_hyperion("-p", "0", *arguments, app: app_text)
  end

  def client(process)
    Support::RawClient.new(process.port)
  end

  # Reads the blocks with these numbers.
  # @return [Integer, nil] the first that is not what it should be
  def first_wrong(client, numbers, pattern)
    early = client.buffered
    block = String.new(capacity: pattern.bytesize)
    numbers.find do |number|
      block = early + client.socket.read(pattern.bytesize - early.bytesize) unless early.empty?
      client.socket.read(pattern.bytesize, block) if early.empty?
      early = ""
      pattern[0, 8] = [number].pack("Q>")
      block != pattern
    end
  end

  # The number of blocks made, once it does not grow any more.
  def produced_at_rest(other)
    last = nil
    wait_until("the producer to wait") do
      before = last
      last = other.fetch("GET", "/produced").body
      sleep 0.05
      last == before
    end
    Integer(last)
  end

  it "brings 1 GiB from an each body to a reader that pauses, in bounded memory" do
    process = start("-t", "2")
    other = client(process)
    other.fetch
    before = Support::Footprint.memory(process.pid)
    reader = client(process).request("GET", "/each")
    expect(reader.read_head["content-length"]).to eq((mib << 10).to_s)
    pattern = Random.new(1).bytes(mib)
    expect(first_wrong(reader, 0...32, pattern)).to be_nil

    # What the memory, the file and the sockets hold, and no more.
    expect(produced_at_rest(other) - 32).to be_between(64, 128)
    20.times { expect(other.fetch.body).to eq("hello") }
    expect(first_wrong(reader, 32...1024, pattern)).to be_nil

    expect(reader.fetch.body).to eq("hello")
    # Most of it is the application's garbage, a block each time.
    expect(Support::Footprint.peak(process.pid) - before).to be < 160 * mib if Support::Footprint::MEANINGFUL
  end

  it "brings 1 GiB from a file to a reader that pauses" do
    process = start
    reader = client(process).request("GET", "/file")
    reader.read_head
    pattern = "\0".b * mib
    expect(first_wrong(reader, 0...32, pattern)).to be_nil
    20.times { expect(client(process).fetch.body).to eq("hello") }

    expect(first_wrong(reader, 32...1024, pattern)).to be_nil
    expect(reader.fetch.body).to eq("hello")
  end

  it "gives up readers that stop after 64 KiB of 1 GiB, says so, and keeps little of what they did not take" do
    process = start("-t", "2", "--write-timeout", "1s")
    other = client(process)
    other.fetch
    descriptors = Support::Footprint.descriptors(process.pid)
    before = Support::Footprint.memory(process.pid)
    # One thread is left, so the others can be served; the fairness specs have more readers than threads.
    readers = %w[/each /file /file].map { |path| client(process).request("GET", path) }
    readers.each { |reader| reader.read(64 << 10) }
    times = Array.new(100) do
      began = monotonic
      expect(other.fetch.status).to eq(200)
      monotonic - began
    end

    wait_until("the log") { process.stderr.scan(" WARN http: the client took nothing for write-timeout").size == 3 }
    readers.each { |reader| expect(reader.read_all(reset_ok: true).bytesize).to be < 64 * mib }
    expect(times.sort[50]).to be < 0.1
    expect(Support::Footprint.peak(process.pid) - before).to be < 160 * mib if Support::Footprint::MEANINGFUL
    wait_until("the access log") { process.stdout.scan(%r{ access: GET /(?:each|file) 200 }).size == 3 }
    wait_until("descriptors to be free") { Support::Footprint.descriptors(process.pid) <= descriptors }
    # Both threads are free again.
    naps = Array.new(2) { client(process).request("GET", "/nap") }
    expect(naps.map { |nap| nap.read_response.body }).to eq(%w[rested rested])
  end

  it "is not disturbed by what came before on a connection: a pipelined follower is intact behind any body" do
    process = start
    reader = client(process)
    %w[/large /nap / /large].each { |path| reader.request("GET", path) }
    reader.request("POST", "/body", {}, "b" * 300_000).request("HEAD", "/large").request("GET", "/")

    bodies = Array.new(5) { reader.read_response.body }
    expect(bodies).to eq(["m" * mib, "rested", "hello", "m" * mib, "b" * 300_000])
    head = reader.read_response(head: true)
    expect(head["content-length"]).to eq(mib.to_s) unless Support::Lint.on? # whose bodies have no length
    expect(reader.read_response.body).to eq("hello")
  end

  it "comes whole to a client that has ended its own side" do
    process = start
    %w[/large /nap /].each do |path|
      half = client(process).request("GET", path)
      half.close_write
      response = half.read_response
      # What is answered before the end has arrived does not know of it.
      expect([response.status, response["connection"]]).to eq([200, "close"]).or eq([200, nil])
      expect(half.read_all).to eq("")
    end
    # Of what is no whole request nothing comes, and the application is not called.
    ["", "GET / HT", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhalf"].each do |bytes|
      half = client(process).write(bytes)
      half.close_write
      expect(half.read_all).to eq("")
    end
    wait_until("the log") { process.stdout.scan(/ access: .* 200 /).size == 3 }
    wait_until("what was broken off") { process.stdout.scan(/ access: (?:GET|POST) \S* ?499 /).size == 2 }
  end

  it "ends with a reset in any state, and leaves nothing behind" do
    process = start("-t", "2")
    other = client(process)
    other.fetch
    sizes = -> { [Support::Footprint.descriptors(process.pid), Support::Footprint.threads(process.pid)] }
    before = sizes.call
    states = ["", "GET", "GET / HTTP/1.1\r\nHost: a\r\nX", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
              "GET /nap HTTP/1.1\r\nHost: a\r\n\r\n", "GET /nap HTTP/1.1\r\nHost: a\r\n\r\n" * 3,
              "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", "GET /each HTTP/1.1\r\nHost: a\r\n\r\n",
              "GET /file HTTP/1.1\r\nHost: a\r\n\r\n", "GET /file HTTP/1.1\r\nHost: a\r\n\r\n" * 2,
              "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
              "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n#{"x" * 500_000}",
              "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "nonsense\r\n\r\n"]
    states.each do |bytes|
      # At once, and when something of the answer is there.
      clients = Array.new(6) { client(process).write(bytes) }
      clients.each.with_index { |one, i| one.readable?(0.02) if i.odd? }
      clients.each(&:reset)
      expect(other.fetch.body).to eq("hello")
    end

    # Fewer, too: the file threads and the pool of the first uploads come and go.
    wait_until("#{before} to come back") { sizes.call.first <= before.first }
    expect(sizes.call.last).to be <= before.last + 2
    naps = Array.new(2) { client(process).request("GET", "/nap") }
    expect(naps.map { |nap| nap.read_response.body }).to eq(%w[rested rested])
    expect(process.stderr.lines.grep_v(/ WARN http: 400 the method is not a token/)).to eq([])
  end
end
