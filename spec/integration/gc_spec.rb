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

  # In a process that has little else to mark, and whose client makes no object.
  it "may run at every allocation", no_lint: "a collection at each allocation of Lint takes minutes" do
    process = start_hyperion("-p", "0", app: <<~RUBY)
      require "#{File.expand_path("../support/programs/varied_app", __dir__)}"
      run VARIED_APP
    RUBY
    Support::RawClient.open(process.port) do |client|
      expect(client.fetch("POST", "/stress", {}, "on").body).to eq("true")
      3.times { expect_right_answers(client) }
      expect(client.fetch("POST", "/stress", {}, "off").body).to eq("false")
    end
  end

  it "may move everything that can be moved" do
    server = start_server(VARIED_APP)
    connect(server) do |client|
      before = GC.auto_compact
      GC.auto_compact = true
      100.times do |i|
        expect_right_answers(client)
        GC.compact if (i % 20).zero?
      end
    ensure
      GC.auto_compact = before
    end
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
