# frozen_string_literal: true

RSpec.describe "Server.handle", no_lint: {rack_2: "2.2 knows no streaming bodies"} do
  # One server for all of it: a block for each kind of body, a handler.
  let(:server) do
    routed_server do |table|
      %w[GET POST PUT PATCH DELETE OPTIONS TRACE PURGE].each do |method|
        table.handle(method, "/method") { |env| ok("#{env["REQUEST_METHOD"]} #{env["rack.input"]&.read}") }
      end
      table.handle("OPTIONS", "*") { ok("star") }
      table.handle("GET", "/array") { ok("a", "b") }
      table.handle("GET", "/each") do
        [200, {"content-type" => "text/plain"}, Enumerator.new do |out|
          out << "a" << "b"
        end]
      end
      table.handle("GET", "/file") { [200, {"content-type" => "text/plain"}, File.open(__FILE__, "rb")] }
      table.handle("GET", "/stream") do
        [200, {"content-type" => "text/plain"}, ->(stream) { stream.write("streamed") and stream.close }]
      end
      table.handle("GET", "/hijack") { |env| hijack(env) }
      table.handle("GET", "/partial") do
        [200, {"content-type" => "text/plain", "rack.hijack" => ->(io) { io.write("partial") and io.close }}, []]
      end
      table.handle("GET", "/raise") { raise "on purpose" }
      table.handle("GET", "/nonsense") { :nonsense }
      table.handle("GET", "/finished") { |env| finished(env) }
      table.handle("GET", "/handler", lambda { |request|
        ok([request.method, request.path, request.query_string].join(" "))
      })
      table.handle("POST", "/handler", ->(request) { ok("#{request.header("x-a")} #{request.params} #{request.body}") })
    end
  end

  def hijack(env)
    io = env["rack.hijack"].call
    io.write("HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nhijacked")
    io.close
    ok
  end

  def finished(env)
    env["rack.response_finished"] << ->(_env, status, *) { (@finished ||= Queue.new) << status }
    ok("finished")
  end

  def body(...)
    fetch(server, ...).body
  end

  it "answers any method" do
    connect(server) do |client|
      %w[GET DELETE OPTIONS TRACE PURGE].each do |method|
        expect(client.fetch(method, "/method").body).to eq("#{method} ")
      end
      %w[POST PUT PATCH PURGE].each do |method|
        expect(client.fetch(method, "/method", {}, "body").body).to eq("#{method} body")
      end
      expect(client.fetch("OPTIONS", "*").body).to eq("star")
      expect(client.fetch("HEAD", "/method")).to have_attributes(status: 200, body: "")
      expect(client.fetch("LINK", "/method").body).to eq("app")
    end
  end

  it "answers HEAD with a block for GET: it sees HEAD, and no body is sent" do
    seen = Queue.new
    head = routed_server do |table|
      table.handle("GET", "/") do |env|
        (seen << env["REQUEST_METHOD"]) && ok("body", headers: {"content-length" => "4"})
      end
    end

    expect(fetch(head, "HEAD")).to have_attributes(status: 200, body: "", headers: include("content-length" => "4"))
    expect(seen.pop).to eq("HEAD")
  end

  it "sends any shape of body" do
    expect(body("GET", "/array")).to eq("ab")
    expect(body("GET", "/each")).to eq("ab")
    expect(body("GET", "/file")).to eq(File.binread(__FILE__))
    expect(body("GET", "/stream")).to eq("streamed")
  end

  it "may take the connection over", no_lint: "the connection that is taken over is no stream of Lint's" do
    expect(body("GET", "/hijack")).to eq("hijacked")
    connect(server) { |client| expect(client.request("GET", "/partial").read_all).to end_with("\r\n\r\npartial") }
  end

  it "is an application like any other when it fails" do
    connect(server) do |client|
      expect(client.fetch("GET", "/raise")).to have_attributes(status: 500, body: "Internal Server Error\n")
      expect(client.fetch("GET", "/nonsense").status).to eq(500)
      expect(client.fetch("GET", "/array").body).to eq("ab")
    end
    wait_until("the log line") { log_lines(server).grep(%r{RuntimeError: on purpose \(application, GET /raise\)}).any? }
  end

  it "tells of the end of its response" do
    expect(body("GET", "/finished")).to eq("finished")
    wait_until("the callback") { @finished }
    expect(@finished.pop).to eq(200)
  end

  it "calls a handler with a Request" do
    expect(body("GET", "/handler?a=b")).to eq("GET /handler a=b")
    fields = {"X-A" => "1", "Content-Type" => "a/b"}
    expect(body("POST", "/handler?a=b", fields, "text")).to eq("1 #{{"a" => "b"}.inspect} text")
  end

  it "goes through Adapter::Rack.dispatch_for_c_loop, as every request that needs Ruby" do
    calls = Queue.new
    adapter = Hyperion::Adapter::Rack
    original = adapter.method(:dispatch_for_c_loop)
    allow(adapter).to receive(:dispatch_for_c_loop) do |app, env|
      calls << [app, env["PATH_INFO"]]
      original.call(app, env)
    end
    connect(server) { |client| %w[/array /handler /none].each { |path| client.fetch("GET", path) } }

    expect(Array.new(3) { calls.pop.last }).to eq(%w[/array /handler /none])
    expect(server.stats[:requests_dispatched]).to eq(3)
  end

  it "serves many at once, each with its own env" do
    many = routed_server(threads: 8) do |table|
      table.handle("POST", "/") { |env| ok(env["rack.input"].read) }
    end
    threads = Array.new(8) do |number|
      Thread.new do
        connect(many) do |client|
          Array.new(50) do |i|
            client.fetch("POST", "/", {}, "#{number} #{i}").body == "#{number} #{i}"
          end
        end
      end
    end

    expect(threads.flat_map(&:value)).to all(be(true))
  end
end
