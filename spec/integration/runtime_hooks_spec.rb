# frozen_string_literal: true

RSpec.describe "hooks of Hyperion::Runtime" do
  let(:runtime) { Hyperion::Runtime.new }
  let(:seen) { Queue.new }

  # What happened, in order, as soon as there is so much of it.
  def events(count)
    wait_until("#{count} events, there are #{seen.size}") { seen.size >= count }
    Array.new(seen.size) { seen.pop }
  end

  def hooked_server(app = ->(_env) { ok("app") }, **options, &block)
    routed_server(app, runtime: runtime, **options, &block)
  end

  # Two hooks on each side; each notes what it was given.
  def watch
    2.times do |i|
      runtime.on_request_start { |request, env| seen << [:"start_#{i}", request.path, env&.fetch("PATH_INFO")] }
      runtime.on_request_end do |request, env, response, error|
        seen << [:"end_#{i}", request.path, env&.fetch("PATH_INFO"), response&.status, error&.message]
      end
    end
  end

  def expected(path, native: false, status: 200, error: nil)
    env = native ? nil : path
    [[:start_0, path, env], [:start_1, path, env], [:end_0, path, env, status, error],
     [:end_1, path, env, status, error]]
  end

  it "run in order on every path: application, block, handler, native answer" do
    watch
    server = hooked_server do |table|
      table.handle_static("GET", "/static", "static", status: 201)
      table.handle("GET", "/block") { [202, {"content-type" => "text/plain"}, ["block"]] }
      table.handle("GET", "/handler", ->(_request) { [203, {"content-type" => "text/plain"}, ["handler"]] })
    end

    {"/app" => 200, "/block" => 202, "/handler" => 203}.each do |path, status|
      expect(fetch(server, "GET", path).status).to eq(status)
      expect(events(4)).to eq(expected(path, status: status))
    end
    expect(fetch(server, "GET", "/static").status).to eq(201)
    expect(events(4)).to eq(expected("/static", native: true, status: 201))
  end

  it "run around the application: its env is theirs, and the request is one object" do
    requests = []
    runtime.on_request_start { |request, env| env["test.began"] = requests.push(request).size }
    runtime.on_request_end { |request, env, *| seen << [env["test.began"], requests.push(request).uniq.size] }
    server = hooked_server(->(env) { ok("began #{env["test.began"]}") })

    expect(fetch(server).body).to eq("began 1")
    expect(events(1)).to eq([[1, 1]])
    expect(requests.first).to be_a(Hyperion::Request)
  end

  it "are told of the error, with no response" do
    watch
    server = hooked_server(->(_env) { raise ArgumentError, "on purpose" }) do |table|
      table.handle("GET", "/block") { raise "in the block" }
      table.handle("GET", "/nonsense") { :nonsense }
    end

    expect(fetch(server, "GET", "/app").status).to eq(500)
    expect(events(4)).to eq(expected("/app", status: nil, error: "on purpose"))
    expect(fetch(server, "GET", "/block").status).to eq(500)
    expect(events(4)).to eq(expected("/block", status: nil, error: "in the block"))
    expect(fetch(server, "GET", "/nonsense").status).to eq(500)
    expect(events(4).last).to match([:end_1, "/nonsense", "/nonsense", nil, /Symbol/])
  end

  it "are told of errors that are no StandardError, of a throw, and of a thread that was killed" do
    watch
    server = hooked_server(lambda do |env|
      case env["PATH_INFO"]
      when "/memory" then raise NoMemoryError, "on purpose"
      when "/throw" then throw :nobody
      else Thread.current.kill
      end
    end)

    expect(fetch(server, "GET", "/memory").status).to eq(500)
    expect(events(4)).to eq(expected("/memory", status: nil, error: "on purpose"))
    expect(fetch(server, "GET", "/throw").status).to eq(500)
    expect(events(4).last).to match([:end_1, "/throw", "/throw", nil, /uncaught throw :nobody/])
    expect(fetch(server, "GET", "/killed").status).to eq(500)
    expect(events(4)).to eq(expected("/killed", status: nil))
  end

  it "run when a connection was taken over: no response is theirs", no_lint: "the socket is no stream of Lint's" do
    watch
    server = hooked_server(lambda do |env|
      io = env["rack.hijack"].call
      io.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nh")
      io.close
      raise "afterwards" if env["PATH_INFO"] == "/raise"

      ok
    end)

    expect(fetch(server, "GET", "/hijack").body).to eq("h")
    expect(events(4)).to eq(expected("/hijack", status: nil))
    expect(fetch(server, "GET", "/raise").body).to eq("h")
    expect(events(4)).to eq(expected("/raise", status: nil, error: "afterwards"))
  end

  it "run at the end when the application has returned, before its body is sent",
     no_lint: {rack_2: "2.2 knows no streaming bodies"} do
    runtime.on_request_end { seen << :end }
    pieces = Enumerator.new { |out| (seen << :each) && out << "e" }
    stream = ->(out) { (seen << :stream) && out.write("s") && out.close }
    server = hooked_server(lambda do |env|
      seen << :app
      [200, {"content-type" => "text/plain"}, env["PATH_INFO"] == "/each" ? pieces : stream]
    end)

    expect(fetch(server, "GET", "/each").body).to eq("e")
    expect(events(3)).to eq(%i[app end each])
    expect(fetch(server, "GET", "/stream").body).to eq("s")
    expect(events(3)).to eq(%i[app end stream])
  end

  it "see status, headers and body as the application gave them" do
    runtime.on_request_end { |_, _, response| seen << response.to_a }
    server = hooked_server(->(_env) { [201, {"content-type" => "a/b", "x-a" => "1"}, ["body"]] }) do |table|
      table.handle_static("GET", "/s", "static", headers: {"x-b" => %w[1 2]}, content_type: "c/d", status: 203)
    end

    fetch(server)
    status, headers, = events(1).first
    expect([status, headers.to_h]).to eq([201, {"content-type" => "a/b", "x-a" => "1"}])
    fetch(server, "GET", "/s")
    expect(events(1)).to eq([[203, {"content-type" => "c/d", "x-b" => %w[1 2]}, nil]])
  end

  it "know the request of a native answer, conditional ones and their status too" do
    runtime.on_request_start { |request, env| seen << [request.method, request.path, request.query_string, env] }
    runtime.on_request_end { |request, _, response| seen << [request.header("X-A"), request.body, response.status] }
    server = hooked_server do |table|
      table.handle_static("GET", "/s", "static")
      table.handle_static("POST", "/s", "static")
    end

    fetch(server, "POST", "/s?a=b", {"X-A" => "1"}, "a body")
    expect(events(2)).to eq([["POST", "/s", "a=b", nil], ["1", "", 200]])
    fetch(server, "HEAD", "/s", "If-None-Match" => "*")
    expect(events(2)).to eq([["HEAD", "/s", "", nil], [nil, "", 304]])
  end

  it "change nothing when they fail: each is logged, and the next one runs" do
    runtime.on_request_start { raise "start hook" }
    runtime.on_request_start { seen << :start }
    runtime.on_request_end { raise NotImplementedError, "end hook" }
    runtime.on_request_end { |_, _, response, error| seen << [:end, response&.status, error] }
    server = hooked_server { |table| table.handle_static("GET", "/s", "static") }

    expect(fetch(server).body).to eq("app")
    expect(events(2)).to eq([:start, [:end, 200, nil]])
    expect(fetch(server, "GET", "/s").body).to eq("static")
    expect(events(2)).to eq([:start, [:end, 200, nil]])
    wait_until("four lines") { log_lines(server).grep(/hook \(on_request_(start|end), GET/).size == 4 }
    expect(log_lines(server).join).to include("RuntimeError: start hook (on_request_start, GET /)")
  end

  it "change nothing when they take the answer apart" do
    runtime.on_request_end do |_, env, response|
      response.headers.clear
      response.body&.clear
      env&.clear
    end
    server = hooked_server(->(_env) { [200, {"content-type" => "text/plain", "x-a" => "1"}, ["body"]] })

    expect(fetch(server)).to have_attributes(status: 200, body: "body", headers: include("x-a" => "1"))
  end

  it "may kill their thread: the answer goes out, and another thread comes" do
    killed = false
    runtime.on_request_end { Thread.current.kill unless killed.tap { killed = true } }
    server = hooked_server(threads: 1) { |table| table.handle_static("GET", "/s", "static") }

    expect(fetch(server).status).to eq(200)
    expect(fetch(server).body).to eq("app")
    killed = false
    expect(fetch(server, "GET", "/s").body).to eq("static")
    wait_until("the hook") { killed }
    expect(fetch(server).body).to eq("app")
  end

  it "may come and go while the server runs" do
    server = hooked_server { |table| table.handle_static("GET", "/s", "static") }
    connect(server) do |client|
      client.fetch
      watch
      client.fetch("GET", "/a")
      expect(events(4)).to eq(expected("/a"))
      client.fetch("GET", "/s")
      expect(events(4)).to eq(expected("/s", native: true))
      runtime.clear
      client.fetch("GET", "/b")
      client.fetch("GET", "/s")
      runtime.on_request_end { |request, *| seen << request.path }
      client.fetch("GET", "/c")
      expect(events(1)).to eq(["/c"])
    end
  end

  it "of native answers wait while all app threads are busy; the oldest go when too many wait, and are counted" do
    release = Queue.new
    server = hooked_server(->(_env) { release.pop && ok("app") }, threads: 1) do |table|
      table.handle_static("GET", "/s", "static")
    end
    busy = connect(server).request
    wait_until("the thread to be busy") { server.stats[:requests_dispatched] == 1 && server.stats[:queue_depth].zero? }
    runtime.on_request_end { |request, *| seen << Integer(request.query_string) }
    connect(server) do |client|
      1500.times { |i| expect(client.fetch("GET", "/s?#{i}").status).to eq(200) }
    end
    expect(seen).to be_empty
    wait_until("the count") { server.stats[:hooks_dropped] == 1500 - 1024 }
    release << true

    expect(busy.read_response.body).to eq("app")
    expect(events(1024)).to eq([*(1500 - 1024)...1500])
  end

  it "of native answers run before a server that stops is gone" do
    runtime.on_request_end { |request, *| seen << request.query_string }
    server = hooked_server { |table| table.handle_static("GET", "/s", "static") }
    connect(server) do |client|
      200.times { |i| client.request("GET", "/s?#{i}") }
      200.times { client.read_response }
    end
    expect(server.stop).to be(true)

    expect(seen.size).to eq(200)
  end

  it "belong to a runtime: another server's requests are not theirs" do
    watch
    other = Hyperion::Runtime.new
    fetch(routed_server(runtime: other))
    fetch(routed_server)
    fetch(hooked_server, "GET", "/own")

    expect(events(4)).to eq(expected("/own"))
  end

  it "are those of Runtime.default where a server was given none" do
    mine = Hyperion::Runtime.default.on_request_end { |request, *| seen << request.path }
    fetch(routed_server, "GET", "/default")

    expect(events(1)).to eq(["/default"])
  ensure
    mine.clear
  end

  it "cost no object when there are none, also after there were some", no_lint: "Lint makes objects of its own" do
    runtime.on_request_end { nil }
    answer = ok("app").freeze
    server = hooked_server(->(_env) { answer }, threads: 1) { |table| table.handle_static("GET", "/s", "static") }
    made = lambda do |target|
      socket = TCPSocket.new("127.0.0.1", server.port)
      request = "GET #{target} HTTP/1.1\r\nHost: localhost\r\n\r\n".freeze
      buffer = String.new(capacity: 4096)
      round = proc { socket.write(request) && socket.readpartial(4096, buffer) }
      50.times(&round)
      GC.disable
      before = GC.stat(:total_allocated_objects)
      1000.times(&round)
      (GC.stat(:total_allocated_objects) - before) / 1000.0
    ensure
      GC.enable
      socket.close
    end

    with = made.call("/")
    runtime.clear
    expect(made.call("/")).to be <= with - 2 # Request, Response
    expect(made.call("/s")).to be < 0.05
  end

  it "see nothing of what never was a request" do
    watch
    server = hooked_server
    connect(server) { |client| expect(client.write("NONSENSE\r\n\r\n").read_response.status).to eq(400) }
    fetch(server, "GET", "/after")

    expect(events(4)).to eq(expected("/after"))
  end

  it "survive a collection at every allocation", no_lint: "a collection at each allocation of Lint takes minutes" do
    watch
    server = hooked_server { |table| table.handle_static("GET", "/s", "static") }
    connect(server) do |client|
      GC.stress = true
      client.fetch("GET", "/a")
      client.fetch("GET", "/s")
      GC.stress = false
      expect(events(8)).to match_array(expected("/a") + expected("/s", native: true))
    ensure
      GC.stress = false
    end
  end
end
