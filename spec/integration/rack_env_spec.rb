# frozen_string_literal: true

RSpec.describe "the Rack environment" do
  def raw_env(text, **options)
    app, envs = recorder
    server = start_server(app, **options)
    connect(server) { |client| client.write(text).read_response }
    envs.pop(true)
  end

  it "holds what CGI and the Rack SPEC name" do
    app, envs = recorder
    server = start_server(app)
    fetch(server, "GET", "/a%2Fb/%C3%A9?x=%20&y", "Host" => "example.org:8080")
    env = envs.pop(true)

    expect(env).to include(
      "REQUEST_METHOD" => "GET", "SCRIPT_NAME" => "", "PATH_INFO" => "/a%2Fb/%C3%A9", "QUERY_STRING" => "x=%20&y",
      "REQUEST_URI" => "/a%2Fb/%C3%A9?x=%20&y", "REQUEST_PATH" => "/a%2Fb/%C3%A9", "SERVER_PROTOCOL" => "HTTP/1.1",
      "HTTP_VERSION" => "HTTP/1.1", "SERVER_NAME" => "example.org", "SERVER_PORT" => "8080",
      "HTTP_HOST" => "example.org:8080", "REMOTE_ADDR" => "127.0.0.1", "rack.url_scheme" => "http",
      "rack.run_once" => false, "rack.multiprocess" => false, "rack.hijack?" => true
    )
    expect(env["SERVER_SOFTWARE"]).to start_with("hyperion")
    expect(env["rack.errors"]).to respond_to(:puts, :write, :flush)
    expect(env["rack.hijack"]).to respond_to(:call)
    expect(env.keys & %w[CONTENT_TYPE CONTENT_LENGTH HTTP_CONTENT_TYPE HTTP_CONTENT_LENGTH]).to be_empty
  end

  it "has every method as it came" do
    %w[GET POST PUT PATCH DELETE OPTIONS TRACE PROPFIND M-SEARCH get].each do |method|
      expect(env_of(method)["REQUEST_METHOD"]).to eq(method)
    end
  end

  it "has the client's address, or is not made: a connection that was reset before it was accepted has none" do
    app, envs = recorder
    server = start_server(app)
    200.times do
      connect(server) do |client|
        client.write("POST /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.66\r\nContent-Length: 0\r\n\r\n")
        client.reset
      end
    end
    fetch(server, "GET", "/last")
    seen = []
    seen << envs.pop(true) until seen.last&.fetch("PATH_INFO") == "/last"

    expect(seen.map { |env| env["REMOTE_ADDR"] }.uniq).to eq(["127.0.0.1"])
  end

  it "has the address of its own client, whoever asked before" do
    app, envs = recorder
    server = start_server(app)
    clients = %w[127.0.0.1 127.0.0.2].to_h { |address| [address, TCPSocket.new("127.0.0.1", server.port, address)] }
    asked = %w[127.0.0.1 127.0.0.1 127.0.0.2 127.0.0.1 127.0.0.2 127.0.0.2]
    seen = asked.map do |address|
      clients[address].write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      envs.pop.fetch("REMOTE_ADDR")
    end

    expect(seen).to eq(asked)
  ensure
    clients&.each_value(&:close)
  end

  it "has nothing of an earlier request, whatever that had" do
    app, envs = recorder
    server = start_server(app)
    plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    odd = "POST /p?q HTTP/1.0\r\nHost: b:81\r\nContent-Length: 1\r\nX-Odd: 1\r\n\r\nx"
    bare = "GET / HTTP/1.0\r\n\r\n"
    of = %w[REQUEST_METHOD QUERY_STRING SERVER_PROTOCOL HTTP_VERSION HTTP_HOST SERVER_NAME SERVER_PORT HTTP_X_ODD
            CONTENT_LENGTH]
    seen = [plain, odd, plain, bare, plain].map do |text|
      connect(server) { |client| client.write(text).read_response }
      envs.pop(true)
    end

    usual = ["GET", "", "HTTP/1.1", "HTTP/1.1", "a", "a", "80", nil, nil]
    expect(seen.map { |env| env.values_at(*of) }).to eq(
      [usual, ["POST", "q", "HTTP/1.0", "HTTP/1.0", "b:81", "b", "81", "1", "1"], usual,
       ["GET", "", "HTTP/1.0", "HTTP/1.0", nil, "127.0.0.1", server.port.to_s, nil, nil], usual]
    )
    expect(seen[3]).not_to have_key("HTTP_HOST")
    expect(seen[2]["rack.input"].read).to eq("")
  end

  it "has an empty query for none and for a bare question mark" do
    expect(env_of("GET", "/")["QUERY_STRING"]).to eq("")
    expect(env_of("GET", "/?")).to include("QUERY_STRING" => "", "REQUEST_URI" => "/?", "PATH_INFO" => "/")
    expect(env_of("GET", "/?a?b")["QUERY_STRING"]).to eq("a?b")
  end

  it "has * as the path of a server-wide OPTIONS", no_lint: {rack_2: "a path that 2.2 does not know"} do
    expect(env_of("OPTIONS", "*")).to include("PATH_INFO" => "*", "REQUEST_URI" => "*")
  end

  it "tells the truth about threads" do
    expect(env_of("GET", "/", options: {min_threads: 1, max_threads: 1})["rack.multithread"]).to be(false)
    expect(env_of("GET", "/", options: {min_threads: 2, max_threads: 2})["rack.multithread"]).to be(true)
  end

  describe "the protocol" do
    it "is the one that was spoken" do
      env = raw_env("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
      expect(env).to include("SERVER_PROTOCOL" => "HTTP/1.0", "HTTP_VERSION" => "HTTP/1.0")
    end

    it "cannot be changed by a field called Version" do
      expect(env_of("GET", "/", "Version" => "HTTP/9")["HTTP_VERSION"]).to eq("HTTP/1.1")
      expect(env_of("GET", "/", "VERSION" => "x")["HTTP_VERSION"]).to eq("HTTP/1.1")
    end
  end

  describe "the server's name and port" do
    {
      "example.org" => %w[example.org 80], "example.org:" => %w[example.org 80],
      "example.org:9292" => %w[example.org 9292],
      "127.0.0.1:1" => %w[127.0.0.1 1], "[::1]" => %w[[::1] 80], "[2001:db8::2]:8443" => %w[[2001:db8::2] 8443]
    }.each do |host, (name, port)|
      it "come from Host: #{host}" do
        expect(env_of("GET", "/", "Host" => host)).to include("SERVER_NAME" => name, "SERVER_PORT" => port,
                                                              "HTTP_HOST" => host)
      end
    end

    it "come from the socket when an HTTP/1.0 client names no host" do
      app, envs = recorder
      server = start_server(app)
      connect(server) { |client| client.write("GET / HTTP/1.0\r\n\r\n").read_response }
      env = envs.pop(true)
      expect(env).to include("SERVER_NAME" => "127.0.0.1", "SERVER_PORT" => server.port.to_s)
      expect(env).not_to have_key("HTTP_HOST")
    end

    it "come from an absolute form, which replaces Host (RFC 9112 section 3.2.2)" do
      env = env_of("GET", "http://real.example:81/p?q", "Host" => "fake.example")
      expect(env).to include("SERVER_NAME" => "real.example", "SERVER_PORT" => "81", "HTTP_HOST" => "real.example:81",
                             "PATH_INFO" => "/p", "QUERY_STRING" => "q", "REQUEST_URI" => "http://real.example:81/p?q")
    end

    it "do not come from the request before" do
      app, envs = recorder
      server = start_server(app)
      connect(server) do |client|
        %w[one.example two.example:2 one.example [::1]:3].each { |host| client.fetch("GET", "/", "Host" => host) }
      end
      seen = Array.new(4) { envs.pop(true).values_at("SERVER_NAME", "SERVER_PORT", "HTTP_HOST") }
      expect(seen).to eq([%w[one.example 80 one.example], %w[two.example 2 two.example:2],
                          %w[one.example 80 one.example], %w[[::1] 3 [::1]:3]])
    end

    it "fit hosts longer than what is kept between requests" do
      host = "#{"a" * 60}.#{"b" * 60}.example"
      expect(env_of("GET", "/", "Host" => host)).to include("SERVER_NAME" => host, "HTTP_HOST" => host)
    end
  end

  describe "fields" do
    it "become HTTP_ keys with their values as they came" do
      env = env_of("GET", "/", "X-Custom-Thing" => "Value 1", "Accept" => "*/*", "x-lower" => "l")
      expect(env).to include("HTTP_X_CUSTOM_THING" => "Value 1", "HTTP_ACCEPT" => "*/*", "HTTP_X_LOWER" => "l")
    end

    it "that are repeated are joined, cookies with a semicolon" do
      env = env_of("GET", "/", "Accept" => %w[a b], "X-A" => %w[1 2 3], "Cookie" => %w[a=1 b=2])
      expect(env).to include("HTTP_ACCEPT" => "a, b", "HTTP_X_A" => "1, 2, 3", "HTTP_COOKIE" => "a=1; b=2")
    end

    it "with an empty value are fields, also among repeated ones" do
      env = env_of("GET", "/", "X-Empty" => "", "Accept" => "", "X-Mixed" => ["", "b"])
      expect(env).to include("HTTP_X_EMPTY" => "", "HTTP_ACCEPT" => "", "HTTP_X_MIXED" => ", b")
    end

    it "have binary values with any bytes, and keys that are UTF-8 text" do
      env = raw_env("GET /\xFF HTTP/1.1\r\nHost: a\r\nX-Bytes: \xC3\xA9\xFF\r\n\r\n".b)
      expect(env["HTTP_X_BYTES"]).to eq("\xC3\xA9\xFF".b)
      expect(env["HTTP_X_BYTES"].encoding).to eq(Encoding::BINARY)
      expect(env["PATH_INFO"]).to eq("/\xFF".b)
    end

    it "do not replace what is not theirs" do
      env = env_of("GET", "/", "Remote-Addr" => "1.2.3.4", "Server-Name" => "x", "Rack.Input" => "y",
                               "Path-Info" => "z")
      expect(env).to include("REMOTE_ADDR" => "127.0.0.1", "SERVER_NAME" => "localhost", "PATH_INFO" => "/",
                             "HTTP_REMOTE_ADDR" => "1.2.3.4")
    end

    it "have long names, too" do
      name = "x-#{"long-" * 60}end"
      expect(env_of("GET", "/", name => "1")["HTTP_#{name.upcase.tr("-", "_")}"]).to eq("1")
    end

    it "with an underscore are dropped where a hyphenated one means the same, and otherwise kept" do
      env = env_of("GET", "/", "X-Real-IP" => "good", "X_Real_IP" => "evil", "Only_One" => "kept")
      expect(env).to include("HTTP_X_REAL_IP" => "good", "HTTP_ONLY_ONE" => "kept")
    end

    it "with an underscore are all dropped by option" do
      env = env_of("GET", "/", "Only_One" => "x", options: {drop_underscore_headers: true})
      expect(env).not_to have_key("HTTP_ONLY_ONE")
    end
  end

  it "has the same frozen keys on every request, of known and of unknown names" do
    app, envs = recorder
    server = start_server(app)
    long = "X-#{"n" * 200}"
    3.times { fetch(server, "GET", "/", "Accept" => "a", "X-Unknown" => "b", "User-Agent" => "c", long => "d") }
    first, *others = Array.new(3) { envs.pop(true) }
    expect(first.keys).to all(be_frozen)
    others.each do |other|
      expect(other.keys.map(&:object_id)).to match_array(first.keys.map(&:object_id))
    end
  end

  it "is never used again: every env that is kept stays as it was" do
    kept = Queue.new
    server = start_server do |env|
      kept << env
      ok(env["PATH_INFO"])
    end
    count = 3000
    connect(server) do |client|
      count.times { |i| client.fetch("POST", "/#{i}?q=#{i}", {"X-Number" => i, "Cookie" => "c=#{i}"}, "body #{i}") }
    end
    GC.start
    envs = Array.new(count) { kept.pop(true) }
    expect(envs.map(&:object_id).uniq.size).to eq(count)
    envs.each_with_index do |env, i|
      expect(env).to include("PATH_INFO" => "/#{i}", "QUERY_STRING" => "q=#{i}", "HTTP_X_NUMBER" => i.to_s,
                             "HTTP_COOKIE" => "c=#{i}", "CONTENT_LENGTH" => "body #{i}".bytesize.to_s)
      expect(env["rack.input"].read).to eq("body #{i}")
    end
  end

  it "shares no mutable value between requests" do
    server = start_server do |env|
      env.each_value { |value| value << "!" if value.is_a?(String) && !value.frozen? }
      env["rack.response_finished"] << proc {} if env["PATH_INFO"].start_with?("/first")
      ok(env["rack.response_finished"].size.to_s)
    end
    expect(fetch(server, "GET", "/first").body).to eq("1")
    expect(fetch(server, "GET", "/second").body).to eq("0")
  end

  it "has the length of a body, also of one that came in chunks" do
    env = env_of("POST", "/", {"Content-Type" => "text/x"}, "12345")
    expect(env).to include("CONTENT_LENGTH" => "5", "CONTENT_TYPE" => "text/x")

    env = raw_env("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    expect(env["CONTENT_LENGTH"]).to eq("7")
    expect(env["rack.input"].read).to eq("abcdefg")
    expect(env).not_to have_key("HTTP_TRANSFER_ENCODING")
    expect(env).not_to have_key("hyperion.request_trailers")
  end

  it "has the trailers of a chunked body" do
    env = raw_env("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" \
                  "1\r\na\r\n0\r\nX-Sum: 42\r\nX-More: a\r\nx-more: b\r\n\r\n")
    expect(env["hyperion.request_trailers"]).to eq("x-sum" => "42", "x-more" => "a, b")
    expect(env.keys.grep(/SUM/)).to be_empty
  end

  it "names the protocols that an upgrade offers" do
    env = env_of("GET", "/", "Connection" => "upgrade", "Upgrade" => "websocket, h2c")
    expect(env["rack.protocol"]).to eq(%w[websocket h2c])
    expect(env_of("GET", "/", "Upgrade" => "websocket")).not_to have_key("rack.protocol")
  end
end
