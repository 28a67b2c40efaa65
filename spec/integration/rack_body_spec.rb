# frozen_string_literal: true

require "tempfile"

RSpec.describe "response bodies" do
  bodies = Support::Bodies

  let(:text) { {"content-type" => "text/plain"} }

  def file_of(content)
    (@files ||= []) << Tempfile.new("body").tap { |file| file.binmode && file.write(content) && file.flush }
    @files.last.path
  end

  def answer(body, status: 200, headers: {}, request: [])
    server = start_server { [status, text.merge(headers), body] }
    fetch(server, *request)
  end

  describe "of every shape" do
    {
      "an Array of one" => [["hello"], "hello", "5"],
      "an Array of many" => [%w[a b] * 3000, "ab" * 3000, "6000"],
      "an empty Array" => [[], "", "0"],
      "an Array of empty Strings" => [["", ""], "", "0"]
    }.each do |name, (body, text, length)|
      it "sends #{name}, with its length", no_lint: {rack_2: "Lint hides how long a body is"} do
        response = answer(body)
        expect(response).to have_attributes(status: 200, body: text)
        expect(response["content-length"]).to eq(length)
      end
    end

    it "sends bytes as they are, whatever the encoding of their String says" do
      pieces = ["é", "\xFF".b, "ü".encode("UTF-16LE"), "日本".encode("EUC-JP")]
      expect(answer(pieces).body).to eq(pieces.map(&:b).join)
    end

    it "sends an Array of 64 MiB, byte for byte" do
      piece = Random.new(1).bytes(1 << 20)
      expect(answer([piece] * 64).body == piece * 64).to be(true)
    end

    it "sends each-only bodies in chunks" do
      response = answer(bodies::EachOnly.new("one ", "", "two ", "three"))
      expect(response.body).to eq("one two three")
      expect(response["transfer-encoding"]).to eq("chunked")
    end

    it "sends an Enumerator" do
      body = Enumerator.new { |yielder| 3.times { |i| yielder << "line #{i}\n" } }
      expect(answer(body).body).to eq("line 0\nline 1\nline 2\n")
    end

    it "has none with 205, whatever the application returns", no_lint: "a 205 with content" do
      server = start_server { |env| [205, {}, env["PATH_INFO"] == "/each" ? ["bo", "dy"].each : ["body"]] }
      connect(server) do |client|
        %w[/ /each /].each do |path|
          response = client.fetch("GET", path)
          expect(response).to have_attributes(status: 205, body: "")
          expect(response.headers).to include("content-length" => "0")
        end
      end
    end

    it "takes no file for a chunked coding, large or small", no_lint: "transfer-encoding" do
      Dir.mktmpdir do |folder|
        [10, 50_000].each do |size|
          path = File.join(folder, "file#{size}")
          File.write(path, "3\r\nabc\r\n0\r\n\r\n#{"x" * size}")
          body = Object.new
          body.define_singleton_method(:to_path) { path }
          body.define_singleton_method(:each) { |&block| block.call(File.read(path)) }
          response = fetch(start_server { |_| [200, {"transfer-encoding" => "chunked"}, body] })
          expect(response.body).to eq(File.binread(path))
        end
      end
    end

    it "sends what a Fiber of the body yields" do
      body = Object.new
      def body.each(&block)
        fiber = Fiber.new { 3.times { |i| block.call(i.to_s) } }
        fiber.resume while fiber.alive?
      end
      expect(answer(body).body).to eq("012")
    end

    it "sends a large each body, byte for byte" do
      piece = Random.new(2).bytes(100_003)
      expect(answer(bodies::EachOnly.new(*([piece] * 200))).body == piece * 200).to be(true)
    end

    it "takes a body that has to_ary whole, and closes it once", no_lint: "Lint closes a body after its to_ary, too" do
      body = bodies::ToAry.new("a", "b", "c")
      response = answer(body)
      expect(response.body).to eq("abc")
      expect(response["content-length"]).to eq("3")
      wait_until { body.closed == 1 }
    end

    it "sends by each what has to_ary in name only, as Rails' responses with an Enumerator or another each",
       no_lint: "to_ary of what has no Array" do
      [->(body) { body.to_enum(:each) }, ->(_body) { Object.instance_method(:tap).bind_call(3) }].each do |to_ary|
        body = bodies::EachOnly.new("a", "b")
        body.define_singleton_method(:to_ary) { to_ary.call(self) }
        expect(answer(body)).to have_attributes(status: 200, body: "ab")
        wait_until { body.closed == 1 }
      end
    end

    it "sends a String, which no SPEC allows and every server takes", no_lint: "a String for a body" do
      expect(answer("plain")).to have_attributes(status: 200, body: "plain")
    end

    it "takes nil for an empty body", no_lint: "nil for a body" do
      response = answer(nil)
      expect(response).to have_attributes(status: 200, body: "")
      expect(response["content-length"]).to eq("0")
    end

    it "ends bodies without a length by closing under HTTP/1.0" do
      server = start_server { ok.first(2) << bodies::EachOnly.new("a", "b") }
      connect(server) do |client|
        response = client.request("GET", "/", version: "HTTP/1.0").read_response
        expect(response.body).to eq("ab")
        expect(response.headers).to include("connection" => "close")
        expect(response.headers).not_to have_key("transfer-encoding")
      end
    end
  end

  describe "with a file", no_lint: {rack_2: "Lint hides to_path"} do
    [0, 1, 16 * 1024, 16 * 1024 + 1, 5_000_001].each do |size|
      it "sends #{size} bytes with their length" do
        content = Random.new(size).bytes(size)
        body = bodies::ToPath.new(file_of(content), content)
        response = answer(body)
        expect(response.body == content).to be(true)
        expect(response["content-length"]).to eq(size.to_s)
        wait_until { body.closed == 1 }
      end
    end

    it "falls back to each when the file is missing, a directory, or a pipe", no_lint: "to_path of what is no file" do
      pipe = File.join(Dir.mktmpdir, "pipe")
      File.mkfifo(pipe)
      ["/nonexistent/file", "/tmp", pipe].each do |path|
        body = bodies::ToPath.new(path, "from ", "each")
        expect(answer(body).body).to eq("from each")
        wait_until { body.closed == 1 }
      end
    end

    it "sends the head alone for HEAD" do
      response = answer(bodies::ToPath.new(file_of("x" * 70_000), ""), request: ["HEAD"])
      expect(response).to have_attributes(status: 200, body: "")
      expect(response["content-length"]).to eq("70000")
    end

    it "sends no more than the declared length" do
      body = bodies::ToPath.new(file_of("x" * 70_000), "")
      response = answer(body, headers: {"content-length" => "66000"})
      expect(response.body.bytesize).to eq(66_000)
    end

    it "keeps no descriptor" do
      path = file_of("x" * 70_000)
      server = start_server { [200, text, bodies::ToPath.new(path, "x" * 70_000)] }
      fetch(server)
      count = lambda {
        Dir.children("/proc/self/fd").count do |fd|
          File.readlink("/proc/self/fd/#{fd}") == path
        rescue StandardError
          false
        end
      }
      before = count.call
      20.times { fetch(server) }
      wait_until { count.call <= before }
    end
  end

  describe "close" do
    shapes = {
      "each-only" => [-> { bodies::EachOnly.new("a", "b") }],
      "callable" => [-> { bodies::Callable.new("a", "b") }, {rack_2: "2.2 knows no streaming bodies"}],
      "a small file" => [-> { bodies::ToPath.new(__FILE__, File.read(__FILE__)) }],
      "a missing file" => [-> { bodies::ToPath.new("/nonexistent", "a") }, "to_path of what is no file"],
      "to_ary" => [-> { bodies::ToAry.new("a") }, {rack_3: "Lint closes a body after its to_ary, too"}]
    }
    ways_out = [["GET", 200], ["HEAD", 200], ["GET", 204], ["GET", 304], ["GET", 1000], ["GET", "nonsense"]]
    shapes.to_a.product(ways_out).each do |(name, (make, obstacle)), (method, status)|
      obstacle = "a status that is no Integer" if status.is_a?(String)
      it "is called once for a body with #{name}, after #{method} with #{status}", no_lint: obstacle do
        body = make.call
        server = start_server { [status, [204, 304].include?(status) ? {} : text, body] }
        expect(fetch(server, method).status).to eq(status.is_a?(Integer) && status < 1000 ? status : 500)
        wait_until("closed once, not #{body.closed}") { body.closed.positive? }
        server.stop(1)
        expect(body.closed).to eq(1)
      end
    end

    it "is called once when headers are bad" do
      body = bodies::EachOnly.new("a")
      expect(answer(body, headers: {"bad name" => "x"}).status).to eq(500)
      wait_until { body.closed == 1 }
    end

    it "is called once when each raises, and the response is cut off" do
      body = bodies::Failing.new("x" * 10)
      server = start_server { [200, text, body] }
      connect(server) { |client| expect { client.fetch }.to raise_error(Support::RawClient::Truncated) }
      wait_until { body.closed == 1 }
      wait_until { log_lines(server).any? }
      expect(log_lines(server)).to match([/RuntimeError: body failed \(body\.each, GET \/\) backtrace: .*bodies/])
    end

    it "is called once when each raises before its first byte, and the client gets a 500" do
      body = bodies::Failing.new
      server = start_server { [200, text.merge("x-a" => "b", "content-length" => "5"), body] }
      # A head waits a millisecond for its body, so on a busy machine one may have left before the failure.
      outcome = lambda do
        response = fetch(server)
        response.status == 500 && response.body == "Internal Server Error\n" && !response["x-a"]
      rescue Support::RawClient::Truncated
        :cut
      end
      requests = 0
      wait_until("a 500") do
        requests += 1
        seen = outcome.call
        expect(seen).to be_truthy
        seen == true
      end
      wait_until { body.closed == requests }
    end

    it "may raise: the response is out, and the log tells" do
      body = bodies::EachOnly.new("a")
      def body.close = super && raise("close failed")
      server = start_server { [200, text, body] }
      2.times { expect(fetch(server).body).to eq("a") }
      wait_until { log_lines(server).size == 2 }
      expect(log_lines(server)).to all(match(/RuntimeError: close failed \(body\.close, /))
    end

    it "is called once when the client leaves while the body is produced" do
      wrote = 0
      body = bodies::EachOnly.new
      body.define_singleton_method(:each) { |&block| loop { block.call("x" * 100_000) && wrote += 1 } }
      ensured = false
      inner = body.method(:each).unbind
      body.define_singleton_method(:each) do |&block|
        inner.bind_call(self, &block)
      ensure
        ensured = true
      end
      server = start_server { [200, text, body] }
      client = connect(server)
      client.request.read_head
      client.reset
      wait_until { body.closed == 1 }
      expect(ensured).to be(true)
      sleep 0.05
      expect(body.closed).to eq(1)
      expect(log_lines(server)).to eq([]) # a client that leaves is no error
    end

    it "is called once when the client has left before the body is asked for" do
      gate = Queue.new
      body = bodies::EachOnly.new(*(["y" * 100_000] * 20))
      server = start_server do
        gate.pop
        [200, text, body]
      end
      client = connect(server)
      client.request
      wait_until { server.stats[:requests_dispatched] == 1 }
      client.reset
      wait_until { server.stats[:connections_active].zero? }
      gate << :go
      wait_until { body.closed == 1 }
    end
  end

  it "may keep its block and call it when the request is over" do
    kept = Queue.new
    body = bodies::EachOnly.new
    body.define_singleton_method(:each) { |&block| kept << block && block.call("now") }
    server = start_server { [200, text, body] }
    expect(fetch(server).body).to eq("now")
    block = kept.pop
    wait_until { body.closed == 1 }
    GC.start
    expect { block.call("late") }.to raise_error(IOError, /after its each is over/)
    expect(fetch(server).body).to eq("now")
  end

  it "may not yield on another thread" do
    body = bodies::EachOnly.new
    error = nil
    body.define_singleton_method(:each) do |&block|
      error = Thread.new { block.call("x") rescue $! }.value # rubocop:disable Style/RescueModifier
      block.call("own")
    end
    expect(answer(body).body).to eq("own")
    expect(error).to be_a(ThreadError)
  end

  describe "whose length is declared" do
    it "are sent as they are when it is right" do
      response = answer(bodies::EachOnly.new("12", "345"), headers: {"content-length" => "5"})
      expect(response.body).to eq("12345")
      expect(response.headers).to include("content-length" => "5")
      expect(response.headers).not_to have_key("transfer-encoding")
    end

    [["an Array", -> { %w[12345 678] }], ["each", -> { bodies::EachOnly.new("12345", "678") }]].each do |name, make|
      it "are cut when they are longer (#{name}), and the connection goes on", no_lint: "a wrong content-length" do
        server = start_server { [200, text.merge("content-length" => "6"), make.call] }
        connect(server) { |client| 2.times { expect(client.fetch.body).to eq("123456") } }
        wait_until { log_lines(server).size == 2 }
        expect(log_lines(server)).to all(match(/longer than its declared content-length: GET \//))
      end

      it "close the connection when they are shorter (#{name})", no_lint: "a wrong content-length" do
        server = start_server { [200, text.merge("content-length" => "9"), make.call] }
        connect(server) do |client|
          expect(client.request.read_head["content-length"]).to eq("9")
          expect(client.read_all).to eq("12345678")
        end
        wait_until { log_lines(server).any? }
        expect(log_lines(server)).to contain_exactly(/shorter than its declared content-length: GET \//)
      end
    end
  end

  describe "that their author has put into chunks" do
    it "are not put into chunks again" do
      body = bodies::EachOnly.new("5\r\nhello\r\n", "6\r\n world\r\n0\r\n\r\n")
      response = answer(body, headers: {"transfer-encoding" => "chunked"})
      expect(response.body).to eq("hello world")
      expect(response["transfer-encoding"]).to eq("chunked")
    end

    it "may be plain after all" do
      response = answer(["plain text"], headers: {"transfer-encoding" => "chunked"})
      expect(response.body).to eq("plain text")
    end
  end

  it "have nothing on the wire for HEAD, 204 and 304", no_lint: "a body where none may be" do
    server = start_server { |env| [Integer(env["PATH_INFO"][1..]), {}, ["content"]] }
    connect(server) do |client|
      expect(client.fetch("HEAD", "/200")["content-length"]).to eq("7")
      expect(client.fetch("GET", "/204").headers).not_to include("content-length", "transfer-encoding")
      expect(client.fetch("GET", "/304").status).to eq(304)
      expect(client.fetch("GET", "/200").body).to eq("content")
    end
  end
end
