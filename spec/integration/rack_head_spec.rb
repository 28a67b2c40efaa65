# frozen_string_literal: true

RSpec.describe "status and header fields of responses" do
  # The head's lines as they came, without the body.
  def head_lines(status, headers, body = ["x"], method: "GET", version: "HTTP/1.1")
    @server = start_server { [status, headers, body] }
    connect(@server) do |client|
      client.request(method, "/", version: version)
      client.close_write
      client.read_all.split("\r\n\r\n", 2).first.split("\r\n")
    end
  end

  def expect_refused(status, headers, message)
    lines = head_lines(status, headers)
    expect(lines.first).to eq("HTTP/1.1 500 Internal Server Error")
    expect(lines.join).not_to include("evil")
    wait_until { log_lines(@server).any? }
    expect(log_lines(@server)).to contain_exactly(message)
  end

  describe "header values" do
    it "may be Strings, Arrays, numbers, symbols and nil", no_lint: "values that are no Strings" do
      lines = head_lines(200, {"x-string" => "a", "x-array" => %w[b c], "x-number" => 42, "x-symbol" => :d,
                               "x-nil" => nil,
                               "x-mixed" => ["e", nil, 7], "x-none" => []})
      expect(lines).to include("x-string: a", "x-array: b", "x-array: c", "x-number: 42", "x-symbol: d", "x-mixed: e",
                               "x-mixed: 7")
      expect(lines.grep(/x-nil|x-none/)).to be_empty
    end

    it "keep their order and the spelling of their names", no_lint: {rack_3: "capitals in names"} do
      lines = head_lines(200, {"X-B" => "1", "x-a" => "2", "X-c" => "3"})
      expect(lines[1..3]).to eq(["X-B: 1", "x-a: 2", "X-c: 3"])
    end

    it "keep their bytes" do
      expect(head_lines(200, {"x-a" => "caf\u00e9"})).to include("x-a: caf\u00e9".b)
    end

    it "are separated by LF under Rack 2, and refused with it under Rack 3", no_lint: {rack_3: "LF in a value"} do
      if Rack.release < "3"
        lines = head_lines(200, {"set-cookie" => "a=1\nb=2", "x-empty" => "c\n\nd"})
        expect(lines).to include("set-cookie: a=1", "set-cookie: b=2", "x-empty: c", "x-empty: ", "x-empty: d")
      else
        expect_refused(200, {"set-cookie" => "a=1\nevil=2"},
                       /header "set-cookie": the header value holds CR, LF or NUL/)
      end
    end

    ["evil\rx", "a\r\nevil: x", "evil\0"].each do |value|
      it "never reach the wire with #{value.inspect}", no_lint: "control characters in a value" do
        expect_refused(200, {"x-a" => value}, /header "x-a": the header value holds CR, LF or NUL/)
      end
    end

    it "may come from objects whose to_s returns nonsense", no_lint: "values that are no Strings" do
      odd = Object.new
      def odd.to_s = 42
      expect(head_lines(200, {"x-odd" => odd}).grep(/x-odd: #<Object/)).not_to be_empty
    end

    it "make a 500 when their to_s raises", no_lint: "values that are no Strings" do
      odd = Object.new
      def odd.to_s = raise("no text")
      expect_refused(200, {"x-odd" => odd}, /RuntimeError: no text \(response, GET/)
    end

    it "may be large" do
      value = "v" * 100_000
      lines = head_lines(200, {"x-large" => value, "x-after" => "1"})
      expect(lines).to include("x-large: #{value}", "x-after: 1")
    end

    it "may be many" do
      lines = head_lines(200, (1..2000).to_h { |i| ["x-#{i}", i.to_s] })
      expect(lines.grep(/\Ax-/).size).to eq(2000)
    end
  end

  describe "header names", no_lint: "names that are no tokens, or no Strings" do
    ["evil name", "evil:", "evil\r\nx", "", "evil\0", "evil\u00e9", "(evil)"].each do |name|
      it "are refused when they are no token: #{name.inspect}" do
        expect_refused(200, {name => "x"}, /the header name is not a token/)
      end
    end

    it "may be Symbols" do
      expect(head_lines(200, {"x-a": "1"})).to include("x-a: 1")
    end
  end

  describe "headers" do
    it "may be anything with each", no_lint: "headers that are no Hash" do
      headers = Object.new
      def headers.each
        yield "x-a", "1"
        yield ["x-b", "2"]
      end
      expect(head_lines(200, headers)).to include("x-a: 1", "x-b: 2")
      expect(head_lines(200, [%w[x-a 1], %w[x-a 2]])).to include("x-a: 1", "x-a: 2")
    end

    it "may keep the block that they were read with", no_lint: "headers that are no Hash" do
      kept = nil
      headers = Object.new
      headers.define_singleton_method(:each) do |&block|
        kept = block
        block.call("x-a", "1")
      end
      expect(head_lines(200, headers)).to include("x-a: 1")
      GC.start
      expect { kept.call("x-late", "2") }.not_to raise_error
    end

    [nil, 42, "text", [1, 2], Object.new].each do |headers|
      it "make a 500 when they are #{headers.class}", no_lint: "headers that are no Hash" do
        expect_refused(200, headers, /InvalidResponse|NoMethodError/)
      end
    end

    it "of the application's own framing and of one hop are not sent" do
      lines = head_lines(200, {"connection" => "x-foo", "keep-alive" => "timeout=5", "proxy-connection" => "keep-alive",
                               "te" => "x", "upgrade" => "x", "transfer-encoding" => "identity", "status" => "200",
                               "rack.thing" => "y", "Rack.Hidden" => "z", "trailer" => "x-sum"})
      expect(lines.grep(/foo|keep-alive|^te:|upgrade|transfer-encoding|status|rack/i)).to be_empty
    end

    it "end the connection with connection: close" do
      server = start_server { [200, text_with("connection" => "close"), ["x"]] }
      connect(server) do |client|
        expect(client.fetch["connection"]).to eq("close")
        expect(client.closed_by_server?).to be(true)
      end
    end

    def text_with(more) = {"content-type" => "text/plain"}.merge(more)

    it "have a date, unless the application gave one", no_lint: {rack_3: "capitals in names"} do
      expect(head_lines(200, {}).grep(/\Adate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\z/).size).to eq(1)
      expect(head_lines(200, {"Date" => "my date"}).grep(/\Adate:/i)).to eq(["Date: my date"])
    end

    ["12x", "-1", "", %w[1 2]].each do |value|
      no_lint = {rack_2: "an Array for a value"} if value.is_a?(Array)
      it "make a 500 with content-length #{value.inspect}", no_lint: no_lint do
        expect_refused(200, {"content-length" => value}, /content-length is not one number/)
      end
    end

    it "may repeat the content-length", no_lint: {rack_2: "an Array for a value"} do
      expect(head_lines(200, {"content-length" => %w[1 1]})).to include("content-length: 1")
    end
  end

  describe "the status" do
    it "may be a number or its text", no_lint: "a status that is no Integer" do
      expect(head_lines(201, {}).first).to eq("HTTP/1.1 201 Created")
      expect(head_lines("404", {}).first).to eq("HTTP/1.1 404 Not Found")
      expect(head_lines(299, {}).first).to eq("HTTP/1.1 299 ")
      expect(head_lines(999, {}).first).to eq("HTTP/1.1 999 ")
    end

    [nil, 0, 99, 1000, -200, "ok", 2**70, Object.new, 100, 103, 199].each do |status|
      it "makes a 500 when it is #{status.class} #{status.inspect[0, 12]}", no_lint: "a status that is none" do
        expect_refused(status, {}, /InvalidResponse|NoMethodError/)
      end
    end
  end

  describe "what is no response", no_lint: "no triplet" do
    [nil, 42, "text", [], [200], [200, {}], [200, {}, [], 1], {}, Object.new, :x, [200, {}, 42], [200, {}, [1]],
     [200, {}, ["a", nil]], [200, {}, Object.new]].each do |answer|
      it "makes a 500 and one log line: #{answer.inspect[0, 30]}" do
        server = start_server { answer }
        2.times { expect(fetch(server)).to have_attributes(status: 500, body: "Internal Server Error\n") }
        wait_until { log_lines(server).size == 2 }
        expect(log_lines(server)).to all(match(/Hyperion::InvalidResponse: .*GET \//))
      end
    end

    it "but can be converted, is taken" do
      triplet = Object.new
      def triplet.to_ary = [200, {}, ["converted"]]
      expect(fetch(start_server { triplet }).body).to eq("converted")
    end
  end

  it "do not let an HTTP/1.0 client with keep-alive wait for the end" do
    server = start_server { ok("x", headers: {"content-length" => "1"}) }
    connect(server) do |client|
      2.times do
        response = client.request("GET", "/", {"Connection" => "keep-alive"}, version: "HTTP/1.0").read_response
        expect(response).to have_attributes(body: "x", status: 200)
        expect(response["connection"]).to eq("keep-alive")
      end
    end
  end
end
