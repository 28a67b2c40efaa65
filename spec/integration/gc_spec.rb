# frozen_string_literal: true

require "objspace"
require_relative "../support/programs/varied_app"

RSpec.describe "the garbage collector", no_lint: {rack_2: "2.2 knows no streaming bodies"} do
  def expect_right_answers(client)
    expect(client.fetch("POST", "/each", {}, "i").body).to eq("0i1i2i")
    expect(client.fetch("POST", "/call", {}, "i").body).to eq("si")
    expect(client.fetch("POST", "/finished", {}, "i").body).to eq("i")
    expect(client.fetch("GET", "/raise").status).to eq(500)
    expect(client.fetch("GET", "/", {"X-Value" => "v", "X-Unknown-#{rand(1000)}" => "u"}).body).to eq("v")
  end

  def varied_process
    start_hyperion("-p", "0", app: <<~RUBY)
      require "#{File.expand_path("../support/programs/varied_app", __dir__)}"
      run VARIED_APP
    RUBY
  end

  # In a process that has little else to mark, and whose client makes no object.
  it "may run at every allocation", no_lint: "a collection at each allocation of Lint takes minutes" do
    process = varied_process
    Support::RawClient.open(process.port) do |client|
      expect(client.fetch("POST", "/stress", {}, "on").body).to eq("true")
      3.times { expect_right_answers(client) }
      expect(client.fetch("POST", "/stress", {}, "off").body).to eq("false")
    end
  end

  # Here and in the specs of routes a process of its own is what moves: should Ruby's own compaction ever fail, it does
  # not take the suite with it.
  it "may move everything that can be moved" do
    process = varied_process
    Support::RawClient.open(process.port) do |client|
      100.times do |i|
        expect(client.fetch("GET", "/compact").body).to eq("moved") if (i % 20).zero?
        expect_right_answers(client)
      end
    end
  end

  # What the extension keeps for ever is made when it is loaded.
  it "may run at every allocation while the extension is loaded" do
    script = <<~'RUBY'
      module Hyperion; end
      GC.stress = true
      require "hyperion/hyperion_http"
      GC.stress = false
      Array.new(20_000) { |i| "taken #{i}" } # whatever was let go is something else now
      require "hyperion"
      require "socket"
      seen = Queue.new
      app = ->(env) { (seen << env) && [200, {"content-type" => "text/plain"}, ["ok"]] }
      server = Hyperion::Server.new(app: app, host: "127.0.0.1", port: 0, log_requests: false).start
      socket = TCPSocket.new("127.0.0.1", server.port)
      fields = %w[Accept Accept-Encoding Accept-Language Authorization Cache-Control Content-Type Cookie Origin Range
                  Referer Upgrade User-Agent X-Forwarded-For X-Request-Id].map { |name| "#{name}: v\r\n" }.join
      %w[GET HEAD POST PUT PATCH DELETE OPTIONS].each do |method|
        socket.write("#{method} /?q HTTP/1.1\r\nHost: h:1\r\n#{fields}Content-Length: 0\r\n\r\n")
        env = seen.pop
        puts env["REQUEST_METHOD"], env.keys.sort.join(" "), env.values.grep(String).sort.join(" ")
      end
      server.stop(1)
    RUBY
    library = File.expand_path("../../lib", __dir__)
    run = lambda do |text|
      IO.popen([RbConfig.ruby, "-I", library, *$:.grep(/rack-/).flat_map { |path| ["-I", path] }, "-e", text],
               err: %i[child out], &:read)
    end
    stressed = run.call(script)
    calm = run.call(script.lines.grep_v(/GC.stress/).join)

    expect(calm).to include("REQUEST_METHOD", "HTTP_X_REQUEST_ID")
    expect(stressed.gsub(/127.0.0.1 \d+/, "")).to eq(calm.gsub(/127.0.0.1 \d+/, ""))
  end

  describe "finds" do
    answer = [200, {"content-type" => "text/plain"}.freeze, ["hello"].freeze].freeze

    # Objects allocated in `count` requests. The client adds none: it writes and reads Strings that exist.
    def allocations(server, request, response_size, count)
      socket = TCPSocket.new("127.0.0.1", server.port)
      buffer = String.new(capacity: 65_536)
      round = proc do
        socket.write(request)
        socket.readpartial(response_size, buffer)
      end
      100.times(&round)
      GC.start
      GC.disable
      before = GC.stat(:total_allocated_objects)
      count.times(&round)
      GC.stat(:total_allocated_objects) - before
    ensure
      GC.enable
      socket&.close
    end

    it "no object of a hello request beyond env, its values and what the application makes",
       no_lint: "Lint makes objects of its own" do
      server = start_server(min_threads: 1, max_threads: 1) { answer }
      request = "GET / HTTP/1.1\r\nHost: localhost:9292\r\n\r\n"
      each = allocations(server, request, 4096, 2000) / 2000.0
      # env; PATH_INFO, which is REQUEST_PATH, and REQUEST_URI; rack.hijack; the lists of response_finished and
      # after_reply.
      # SERVER_NAME, SERVER_PORT, HTTP_HOST and REMOTE_ADDR are frozen and shared while they stay the same.
      expect(each).to be <= 6.05
    end

    it "one String more for each other field", no_lint: "Lint makes objects of its own" do
      server = start_server(min_threads: 1, max_threads: 1) { answer }
      request = "GET /?q HTTP/1.1\r\nHost: localhost:9292\r\nAccept: */*\r\nX-Own: 1\r\n\r\n"
      each = allocations(server, request, 4096, 2000) / 2000.0
      expect(each).to be <= 9.05
    end

    it "no object left over after 20,000 requests of every kind" do
      server = start_server(VARIED_APP)
      live = lambda do
        4.times { GC.start }
        ObjectSpace.count_objects.then { |counts| counts[:TOTAL] - counts[:FREE] }
      end
      connect(server) do |client|
        200.times { expect_right_answers(client) }
        before = live.call
        5.times do
          4000.times { |i| client.fetch("POST", %w[/ /each /call /finished][i % 4], {}, "b") }
        end
        expect(live.call - before).to be < 2000
      end
      kept = ObjectSpace.each_object(Hyperion::RequestInput).count + ObjectSpace.each_object(Hyperion::ResponseStream).count
      expect(kept).to be < 50
    end

    it "the threads that idle keep nothing alive" do
      marker = Class.new
      server = start_server do |env|
        env["test.marker"] = marker.new
        ok("x")
      end
      20.times { fetch(server) }
      wait_until("the markers are collected") do
        GC.start
        ObjectSpace.each_object(marker).none?
      end
    end
  end

  it "may take a server that was forgotten while it runs, and one whose stream lives on" do
    streams = Queue.new
    text = {"content-type" => "text/plain"}
    port = lambda do
      server = Hyperion::Server.new(app: lambda { |_|
        [200, text, lambda { |stream|
          streams << stream
        }]
      }, port: 0, log_requests: false)
      server.start
      client = Support::RawClient.new(server.port)
      client.request.read_head
      stream = streams.pop
      server.stop(0)
      client.close
      stream
    end
    stream = port.call
    5.times { GC.start }
    late = stream.write("x" * 1_000_000) rescue $! # rubocop:disable Style/RescueModifier
    expect(late).to be_a(SystemCallError).or be_a(IOError)
    expect { stream.close }.not_to raise_error
  end
end
