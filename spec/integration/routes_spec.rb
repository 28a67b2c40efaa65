# frozen_string_literal: true

require "rack/lint"
require "time"

RSpec.describe "routes answered natively" do
  describe "Server.handle_static" do
    it "answers with status, headers and body, and a type unless another is given" do
      server = routed_server do |table|
        table.handle_static("GET", "/a", "body")
        table.handle_static(:post, "/a", "made", content_type: "application/json", status: 201,
                                                 headers: {"X-A" => "1", "set-cookie" => %w[a=b c=d]})
        table.handle_static("GET", "/moved", nil, status: 308, headers: {"location" => "/a"})
        table.handle_static("GET", "/teapot", "short and stout", status: 418)
        table.handle_static("DELETE", "/a", "", status: 204)
        table.handle_static("GET", "/odd", "odd", status: 299, content_type: nil)
        table.handle_static("GET", "/bytes", "\0\xFF\r\n".b, content_type: "application/octet-stream")
      end

      connect(server) do |client|
        expect(client.fetch("GET", "/a")).to have_attributes(status: 200, reason: "OK", body: "body")
        expect(client.fetch("GET", "/a").headers).to match(
          "content-type" => "text/plain", "content-length" => "4", "etag" => /\A"\h{32}"\z/, "date" => String
        )
        made = client.fetch("POST", "/a", {}, "ignored")
        expect(made).to have_attributes(status: 201, body: "made")
        expect(made.headers).to match("content-type" => "application/json", "x-a" => "1", "set-cookie" => "a=b, c=d",
                                      "content-length" => "4", "date" => String)
        expect(client.fetch("GET",
                            "/moved")).to have_attributes(status: 308, body: "", headers: include("location" => "/a"))
        expect(client.fetch("GET", "/teapot")).to have_attributes(status: 418, body: "short and stout")
        none = client.fetch("DELETE", "/a")
        expect(none.status).to eq(204)
        expect(none.headers.keys).to eq(["date"])
        expect(client.fetch("GET", "/odd").headers).to match("content-length" => "3", "date" => String)
        expect(client.fetch("GET", "/bytes").body).to eq("\0\xFF\r\n".b)
      end
      expect(server.stats).to include(requests: 8, requests_dispatched: 0)
    end

    it "answers HEAD as GET, without the body" do
      server = routed_server do |table|
        table.handle_static("GET", "/a", "body")
        table.handle_static("GET", "/large", "b" * 100_000)
        table.handle_static("GET", "/b", "body")
        table.handle_static("HEAD", "/b", "", headers: {"x-own" => "1"})
      end

      connect(server) do |client|
        %w[/a /large].each do |path|
          get = client.fetch("GET", path).headers.except("date")
          expect(client.fetch("HEAD", path).headers.except("date")).to eq(get)
        end
        expect(client.fetch("HEAD", "/b")["x-own"]).to eq("1")
        expect(client.fetch("GET", "/b")).to have_attributes(body: "body", headers: include("etag"))
      end
    end

    it "has a fresh date" do
      server = routed_server { |table| table.handle_static("GET", "/", "a") }
      connect(server) do |client|
        first = client.fetch["date"]
        expect(Time.httpdate(first)).to be_within(5).of(Time.now)
        wait_until("another second") { client.fetch["date"] != first }
        expect(Time.httpdate(client.fetch["date"])).to be > Time.httpdate(first)
      end
    end

    it "knows If-None-Match and If-Match" do
      server = routed_server do |table|
        table.handle_static("GET", "/a", "body", content_type: "text/css", headers: {"cache-control" => "max-age=60"})
        table.handle_static("GET", "/own", "body", headers: {"etag" => "W/\"v1\""})
        table.handle_static("GET", "/missing", "body", status: 404)
      end

      connect(server) do |client|
        etag = client.fetch("GET", "/a")["etag"]
        [etag, "W/#{etag}", "*", "\"x\" , #{etag}"].each do |tags|
          %w[GET HEAD].each do |method|
            answer = client.fetch(method, "/a", "If-None-Match" => tags)
            expect(answer).to have_attributes(status: 304, body: "")
            # RFC 9110 section 15.4.5: what a 200 would say of caching, and no length of something that is not sent.
            expect(answer.headers).to match("etag" => etag, "cache-control" => "max-age=60", "date" => String)
          end
        end
        expect(client.fetch("GET", "/a", "If-None-Match" => "\"x\"")).to have_attributes(status: 200, body: "body")
        expect(client.fetch("GET", "/a", "If-Match" => etag).status).to eq(200)
        failed = client.fetch("GET", "/a", "If-Match" => "\"x\"")
        expect(failed).to have_attributes(status: 412, body: "Precondition Failed\n")
        expect(client.fetch("GET", "/own", "If-None-Match" => "\"v1\"").status).to eq(304)
        expect(client.fetch("GET", "/own", "If-Match" => "W/\"v1\"").status).to eq(412)
        expect(client.fetch("GET", "/missing", "If-None-Match" => "*").status).to eq(404)
        expect(client.fetch("GET", "/a").status).to eq(200)
      end
    end

    it "obeys the connection: HTTP/1.0, close, a request body that it does not read" do
      server = routed_server { |table| table.handle_static("GET", "/", "a") && table.handle_static("PUT", "/", "b") }

      connect(server) do |client|
        expect(client.fetch("PUT", "/", {}, "x" * 500_000).body).to eq("b")
        expect(client.fetch("PUT", "/", {"Transfer-Encoding" => "chunked"}, "3\r\nabc\r\n0\r\n\r\n").body).to eq("b")
        expect(client.fetch("GET", "/", {"Connection" => "keep-alive"},
                            version: "HTTP/1.0")["connection"]).to eq("keep-alive")
        expect(client.fetch("GET", "/", "Connection" => "close")["connection"]).to eq("close")
        expect(client).to be_closed_by_server
      end
      connect(server) do |client|
        expect(client.fetch("GET", "/", version: "HTTP/1.0").body).to eq("a")
        expect(client).to be_closed_by_server
      end
    end

    it "sends a large body whole, many at a time, to a reader that is slow" do
      large = Random.new(1).bytes(3_000_000)
      server = routed_server { |table| table.handle_static("GET", "/", large) }
      connect(server) do |client|
        # Those behind the first wait until it is on its way.
        5.times { client.request }
        wait_until("the first answer") { client.readable? }
        server.route_table.handle_static("GET", "/", "small")
        bodies = Array.new(5) { client.read_response.body }
        expect(bodies.first == large).to be(true)
        expect([large, "small"].include?(bodies.last)).to be(true)
        expect(client.fetch.body).to eq("small")
      end
    end

    it "is in the access log like every other answer" do
      server = routed_server(log_requests: true) { |table| table.handle_static("GET", "/logged", "12345") }
      fetch(server, "GET", "/logged?q=1")

      line = wait_until("the line") { log_lines(server).grep(%r{/logged}).first }
      expect(line).to include("GET").and include("200").and include("q=1")
    end
  end

  describe "which route" do
    it "is that of the exact path, whatever the query; what matches none goes to the application" do
      server = routed_server(->(env) { ok("app #{env["REQUEST_METHOD"]} #{env["PATH_INFO"]}") }) do |table|
        table.handle_static("GET", "/a", "static")
        table.handle("GET", "/b") { |env| ok("block #{env["QUERY_STRING"]}") }
        table.handle_static("GET", "/%C3%A9", "encoded")
      end

      connect(server) do |client|
        expect(client.fetch("GET", "/a?b=c").body).to eq("static")
        expect(client.fetch("GET", "/a?").body).to eq("static")
        expect(client.fetch("GET", "http://elsewhere/a").body).to eq("static")
        expect(client.fetch("GET", "/b?x=/a").body).to eq("block x=/a")
        expect(client.fetch("GET", "/%C3%A9").body).to eq("encoded")
        ["/a/", "/A", "/aa", "/", "//a", "/./a", "/%61", "/a;x", "/b/", "/#{"a" * 8000}"].each do |path|
          expect(client.fetch("GET", path).body).to eq("app GET #{path}")
        end
        expect(client.fetch("POST", "/a").body).to eq("app POST /a")
        expect(client.fetch("PURGE", "/b").body).to eq("app PURGE /b")
      end
    end

    it "is the last one that was registered, of whichever kind, also while the server runs" do
      server = routed_server { |table| table.handle_static("GET", "/", "1") }
      table = server.route_table
      connect(server) do |client|
        expect(client.fetch.body).to eq("1")
        table.handle("GET", "/") { ok("2") }
        expect(client.fetch.body).to eq("2")
        table.handle("GET", "/", ->(request) { ok("3 #{request.path}") })
        expect(client.fetch.body).to eq("3 /")
        table.handle_static("GET", "/", "4")
        expect(client.fetch.body).to eq("4")
        table.clear
        expect(client.fetch.body).to eq("app")
      end
    end

    it "is found among 10,000" do
      server = routed_server do |table|
        10_000.times do |i|
          i.odd? ? table.handle_static("GET", "/r/#{i}", i.to_s) : table.handle("GET", "/r/#{i}") { ok(i.to_s) }
        end
      end
      connect(server) do |client|
        [0, 1, 77, 5000, 9998, 9999].each { |i| expect(client.fetch("GET", "/r/#{i}").body).to eq(i.to_s) }
        expect(client.fetch("GET", "/r/10000").body).to eq("app")
      end
    end
  end

  it "answers what is pipelined in order: static, block, application" do
    server = routed_server(->(env) { ok("app #{env["QUERY_STRING"]}") }) do |table|
      table.handle_static("GET", "/s", "static")
      table.handle("GET", "/b") { |env| ok("block #{env["QUERY_STRING"]}") }
    end
    targets = Array.new(600) { |i| ["/s", "/b?#{i}", "/s?#{i}", "/a?#{i}"][i % 4] }
    bodies = Array.new(600) { |i| ["static", "block #{i}", "static", "app #{i}"][i % 4] }

    connect(server) do |client|
      writer = Thread.new { targets.each { |target| client.request("GET", target) } }
      expect(Array.new(600) { client.read_response.body }).to eq(bodies)
      writer.join
    end
  end

  it "may be registered while the server is under load" do
    server = routed_server { |table| table.handle_static("GET", "/", "12345") }
    table = server.route_table
    _, answers = Support::Load.during(server.port, connections: 8, depth: 4) do
      10.times do |round|
        200.times do |i|
          table.handle_static("GET", "/", "12345", headers: {})
          table.handle_static("GET", "/#{round}/#{i}", "x" * 20_000)
          table.handle("GET", "/b/#{i}") { ok("b") }
        end
        # As long as the static one's.
        answer = ok("12345", headers: {"etag" => "\"#{"0" * 32}\""})
        table.handle("GET", "/") { answer } if round.odd?
      end
    end

    expect(answers.sum).to be > 100
    expect(answers).to all(be_positive)
    connect(server) { |client| expect(client.fetch("GET", "/9/199").body.size).to eq(20_000) }
  end

  it "serves several servers, each its own table" do
    servers = Array.new(2) { |i| routed_server { |table| table.handle_static("GET", "/", "server #{i}") } }
    expect(servers.map { |server| fetch(server).body }).to eq(["server 0", "server 1"])
  end

  it "works over every I/O thread" do
    server = routed_server(io_threads: 3) do |table|
      table.handle_static("GET", "/s", "s")
      table.handle("GET", "/b") { ok("b") }
    end
    clients = Array.new(12) { connect(server) }
    20.times do
      asked = clients.map { |client| client.request("GET", "/s").request("GET", "/b") }
      expect(asked.flat_map { |client| Array.new(2) { client.read_response.body } }).to eq(%w[s b] * 12)
      server.route_table.handle_static("GET", "/s", "s")
    end
  end

  it "stands in Rack::Lint: blocks, with and without a body" do
    answer = lambda do |env|
      [200, {"content-type" => "text/plain"}, ["#{env["REQUEST_METHOD"]} #{env["rack.input"]&.read}"]]
    end
    table = Hyperion::Server::RouteTable.new
    %w[GET POST].each { |method| table.handle(method, "/", &Rack::Lint.new(answer).method(:call)) }
    server = start_server(answer, route_table: table)

    connect(server) do |client|
      expect(client.fetch("GET").body).to eq("GET ")
      expect(client.fetch("POST", "/", {}, "abc").body).to eq("POST abc")
      expect(client.fetch("HEAD")).to have_attributes(status: 200, body: "")
    end
  end

  describe "and the garbage collector:" do
    def varied_server
      routed_server do |table|
        table.handle_static("GET", "/s", "static")
        table.handle("POST", "/b") { |env| ok("block #{env["rack.input"].read}") }
        table.handle("GET", "/h", ->(request) { ok("handler #{request.header("x-a")}") })
      end
    end

    def expect_right_answers(client)
      expect(client.fetch("GET", "/s").body).to eq("static")
      expect(client.fetch("POST", "/b", {}, "in").body).to eq("block in")
      expect(client.fetch("GET", "/h", {"X-A" => "1"}).body).to eq("handler 1")
    end

    it "it may run at every allocation, registrations included",
       no_lint: "a collection at each allocation of Lint takes minutes" do
      server = varied_server
      connect(server) do |client|
        GC.stress = true
        3.times do |i|
          server.route_table.handle_static("GET", "/s", "static")
          server.route_table.handle("GET", "/#{i}") { ok(i.to_s) }
          expect_right_answers(client)
        end
        server.route_table.clear
        expect(client.fetch("GET", "/s").body).to eq("app")
      ensure
        GC.stress = false
      end
    end

    it "everything may move" do
      process = start_hyperion("-p", "0", app: <<~'RUBY')
        GC.auto_compact = true
        text = {"content-type" => "text/plain"}
        Hyperion::Server.handle_static("GET", "/s", "static")
        Hyperion::Server.handle("GET", "/h", ->(request) { [200, text, ["handler #{request.header("x-a")}"]] })
        run(lambda do |env|
          number = Integer(env["QUERY_STRING"])
          Hyperion::Server.handle("GET", "/#{number}") { [200, text, [number.to_s]] }
          GC.compact if (number % 10).zero?
          [200, text, ["app"]]
        end)
      RUBY
      Support::RawClient.open(process.port) do |client|
        30.times do |i|
          expect(client.fetch("GET", "/?#{i}").body).to eq("app")
          expect(client.fetch("GET", "/#{i}").body).to eq(i.to_s)
          expect(client.fetch("GET", "/s").body).to eq("static")
          expect(client.fetch("GET", "/h", {"X-A" => "1"}).body).to eq("handler 1")
        end
      end
    end

    it "a block whose request is under way stays, though it was replaced" do
      entered = Queue.new
      leave = Queue.new
      server = routed_server(threads: 1) do |table|
        table.handle("GET", "/first") { (entered << true) && leave.pop && ok("first") }
        10.times { |i| table.handle("GET", "/#{i}") { ok("old #{i}") } }
      end
      connect(server) do |first|
        first.request("GET", "/first")
        entered.pop
        waiting = Array.new(10) { |i| connect(server).request("GET", "/#{i}") }
        wait_until("the requests to wait") { server.stats[:queue_depth] == 10 }
        server.route_table.clear
        100.times { |i| server.route_table.handle("GET", "/new/#{i}") { ok("new") } }
        3.times { GC.start }
        leave << true

        expect(first.read_response.body).to eq("first")
        expect(waiting.map { |client| client.read_response.body }).to eq(Array.new(10) { |i| "old #{i}" })
      end
    end
  end
end
