# frozen_string_literal: true

require "timeout"

# Limits under load, end to end. How each one counts and what time it takes is tested natively
# (spec/native/server/engine_load_test.cpp and others); here that an option has its effect.
RSpec.describe "limits under load" do
  include Support::RackApps

  # A server whose application waits in "/wait" until it is let go.
  def waiting_server(**options)
    @go = Thread::Queue.new
    @inside = Thread::Queue.new
    start_server(**options) do |env|
      if env["PATH_INFO"] == "/wait"
        @inside << true
        @go.pop
      end
      ok("done")
    end
  end

  def logged(server, words)
    wait_until("a line with #{words.inspect}") { log_lines(server).find { |line| line.include?(words) } }
  end

  describe "max_pending" do
    it "answers 503 with retry-after over it, on a connection that goes on, and nobody else notices",
       option: :max_pending do
      server = waiting_server(threads: 1, max_pending: 2)
      server.handle_static(:GET, "/static", "static")
      first = connect(server).request("GET", "/wait")
      Timeout.timeout(20) { @inside.pop }
      waiting = Array.new(2) { connect(server).request("GET", "/") }
      wait_until("two in the queue") { server.stats[:queue_depth] == 2 }

      connect(server) do |client|
        3.times do
          response = client.fetch("POST", "/", body: "x" * 1000)
          expect(response).to have_attributes(status: 503, body: "Service Unavailable\n")
          expect(response["retry-after"]).to eq("1")
          expect(client.fetch("GET", "/static").body).to eq("static")
        end
        @go << true
        expect([first, *waiting].map { |one| one.read_response.body }).to all(eq("done"))
        expect(client.fetch.body).to eq("done")
      end
      expect(server.stats).to include(rejected_pending: 3, requests_dispatched: 4)
      expect(logged(server, "max-pending is 2")).to match(/ WARN server: 503: too many requests wait/)
    end

    it "counts what no free thread will take, in a pool that grows, too" do
      server = waiting_server(threads: "0:3", max_pending: 1)
      clients = Array.new(3) { connect(server).request("GET", "/wait") }
      3.times { Timeout.timeout(20) { @inside.pop } }
      clients << connect(server).request("GET", "/")
      wait_until("one in the queue") { server.stats[:queue_depth] == 1 }
      expect(fetch(server).status).to eq(503)
      3.times { @go << true }
      expect(clients.map { |one| one.read_response.status }).to all(eq(200))
    end
  end

  it "max_in_flight_per_conn: a connection has so many app threads at most", option: :max_in_flight_per_conn do
    release = Thread::Queue.new
    bodies = Queue.new
    server = start_server(threads: 3, max_in_flight_per_conn: 1) do |env|
      next ok("quick") unless env["PATH_INFO"] == "/slow"

      body = Support::Bodies::EachOnly.new("answer")
      body.define_singleton_method(:close) { release.pop }
      bodies << body
      [200, {"content-length" => "6"}, body]
    end
    connect(server) do |client|
      expect(client.fetch("GET", "/slow").body).to eq("answer")
      client.request("GET", "/")
      wait_until("the request to wait") { server.stats[:requests_held_back] == 1 }
      expect(fetch(server).body).to eq("quick")
      expect(client.readable?(0.03)).to be(false)
      release << true
      expect(client.read_response.body).to eq("quick")
    end
  end

  describe "connections" do
    it "max_connections: turns the next one away, and has a place again when one has left",
       option: :max_connections do
      server = waiting_server(max_connections: 2, io_threads: 2)
      clients = Array.new(2) { connect(server) }
      clients.each { |client| expect(client.fetch.status).to eq(200) }
      connect(server) do |client|
        response = client.read_response
        expect(response.status).to eq(503)
        expect(response.headers).to include("retry-after" => "1", "connection" => "close")
        expect(client.closed_by_server?).to be(true)
      end
      expect(server.stats).to include(rejected_connections: 1, connections_active: 2)
      expect(logged(server, "max-connections is 2")).to include("turned away", "127.0.0.1")
      clients.each { |client| expect(client.fetch.status).to eq(200) }
      clients.first.close
      wait_until("a place") { server.stats[:connections_active] == 1 }
      expect(fetch(server).status).to eq(200)
    end

    it "max_connections leaves descriptors to the application, without being told" do
      limit, = Process.getrlimit(:NOFILE)
      expect(start_server { ok }.settings.configuration[:max_connections]).to be < limit
    end

    it "max_connections_per_address: each address by itself, unix sockets not at all",
       option: :max_connections_per_address do
      Dir.mktmpdir do |folder|
        path = File.join(folder, "socket")
        server = start_server(->(_env) { ok("ok") }, binds: ["tcp://127.0.0.1:0", "unix://#{path}"],
                                                     max_connections_per_address: 2)
        clients = Array.new(2) { connect(server) }
        clients.each { |client| expect(client.fetch.status).to eq(200) }
        connect(server) { |client| expect(client.read_response.status).to eq(503) }
        other = Socket.tcp("127.0.0.1", server.port, "127.0.0.2")
        other.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        expect(other.read).to start_with("HTTP/1.1 200")
        local = Array.new(5) { Support::RawClient.new(path: path) }
        local.each { |client| expect(client.fetch.status).to eq(200) }
        expect(server.stats[:rejected_connections]).to eq(1)
        expect(logged(server, "max-connections-per-address is 2")).to include("127.0.0.1")
      ensure
        other&.close
      end
    end
  end

  describe "soft_request_timeout" do
    it "logs what the thread does, once, and lets it go on", option: :soft_request_timeout do
      go = Thread::Queue.new
      server = start_server(threads: 1, soft_request_timeout: 0.05) do |_env|
        go.pop
        ok("late")
      end
      client = connect(server).request("GET", "/slow/one?secret=1")
      line = logged(server, "soft-request-timeout")
      go << true

      expect(client.read_response.body).to eq("late")
      expect(line).to match(%r{WARN app: soft-request-timeout: hyperion app 1 is busy, since 0\.\d+ s in GET /slow/one})
      expect(line).to match(/; backtrace: \S*limits_spec\.rb:\d+:in `?.*pop.* <- /)
      expect(line).not_to include("secret")
      expect(log_lines(server).size).to eq(1)
      expect(server.stats).to include(slow_requests: 1, request_timeouts: 0)
    end
  end

  describe "request_timeout" do
    # Where an application may be when its time is over.
    sticking = {
      "asleep" => -> { sleep },
      "in a system call" => lambda {
        reader, writer = IO.pipe
        reader.read
        writer.close
      },
      "in Ruby code" => -> { loop { @counter = @counter.to_i + 1 } },
      "waiting for a queue" => -> { Thread::Queue.new.pop },
      "in a rescue-all" => lambda {
        begin
          sleep
        rescue Exception # rubocop:disable Lint/RescueException
          retry
        end
      }
    }
    body = Class.new(Support::Bodies::EachOnly) do
      def each
        yield "begun"
        sleep
      end
    end

    sticking.each do |what, stick|
      it "answers 504 and replaces the thread when it is #{what}", option: :request_timeout do
        ensured = Queue.new
        server = start_server(threads: 2, request_timeout: 0.4) do |env|
          next ok(Thread.current.name) unless env["PATH_INFO"] == "/stuck"

          begin
            stick.call
          ensure
            ensured << Thread.current.name
          end
        end
        connect(server) do |client|
          response = client.fetch("GET", "/stuck")
          expect(response).to have_attributes(status: 504, body: "Gateway Timeout\n")
          name = Timeout.timeout(20) { ensured.pop }
          # The connection goes on, and so does the server, with as many threads.
          wait_until("another thread") { server.stats[:threads] == 2 && app_threads.none? { |one| one.name == name } }
          wait_until("an answer") { client.fetch.status == 200 }
          expect(logged(server, "request-timeout: #{name} is killed"))
            .to match(%r{ERROR app: .* since 0\.\d+ s in GET /stuck; backtrace: .*limits_spec\.rb})
        end
        expect(server.stats).to include(request_timeouts: 1, threads_abandoned: 0)
        expect(log_lines(server).grep(/killed while it served/)).to eq([])
      end
    end

    def app_threads
      Thread.list.select { |thread| thread.alive? && thread.name.to_s.start_with?("hyperion app") }
    end

    it "ends the connection when the response has begun; the body is closed, callbacks run" do
      parts = body.new
      finished = Queue.new
      server = start_server(threads: 1, request_timeout: 0.4) do |env|
        env["rack.response_finished"] << ->(*) { finished << true } if env["PATH_INFO"] == "/each"
        env["PATH_INFO"] == "/each" ? [200, {}, parts] : ok("ok")
      end
      connect(server) do |client|
        client.request("GET", "/each")
        wire = client.read_all
        expect(wire).to include("begun")
        expect(wire).not_to end_with("0\r\n\r\n")
      end
      expect(Timeout.timeout(20) { finished.pop }).to be(true)
      wait_until("the close") { parts.closed == 1 }
      wait_until("an answer") { fetch(server).body == "ok" }
      wait_until("one thread") { server.stats[:threads] == 1 }
    end

    it "replaces the thread of a client that has left", no_lint: "a body that Lint would close" do
      server = start_server(threads: 1, request_timeout: 0.4) do |env|
        sleep if env["PATH_INFO"] == "/stuck"
        ok("ok")
      end
      connect(server) { |client| client.request("GET", "/stuck") }
      wait_until("another thread") { fetch(server).body == "ok" }
      expect(server.stats[:request_timeouts]).to eq(1)
    end

    it "answers 503 when no thread takes the request in time, and bothers none with it" do
      called = Queue.new
      server = start_server(threads: 1, request_timeout: 0.3) do |env|
        called << env["PATH_INFO"]
        sleep if env["PATH_INFO"] == "/stuck"
        ok("ok")
      end
      stuck = connect(server).request("GET", "/stuck")
      expect(Timeout.timeout(20) { called.pop }).to eq("/stuck")
      # The thread that comes next is stuck as well, so the last one is not taken in time.
      late = Array.new(3) { connect(server).request("GET", "/stuck") }
      statuses = [stuck, *late].map { |client| client.read_response.status }

      expect(statuses.first).to eq(504)
      expect(statuses.drop(1)).to all(eq(504).or(eq(503)))
      expect(statuses).to include(503)
      wait_until("the queue to be empty") { server.stats[:queue_depth].zero? }
      expect(server.stats[:requests_expired]).to eq(statuses.count(503))
      expect(called.size).to be <= statuses.count(504)
      wait_until("a thread") { fetch(server).body == "ok" }
    end

    it "answers while the thread holds Ruby's lock and does not give it back" do
      app = <<~RUBY
        require "fiddle"
        PAUSE = Fiddle::Function.new(Fiddle.dlopen(nil)["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true)
        run(lambda do |_env|
          PAUSE.call(20)
          File.write("over", "")
          [200, {}, []]
        end)
      RUBY
      process = start_hyperion("-p", "0", "--request-timeout", "500ms", app: app)
      Support::RawClient.open(process.port) { |client| expect(client.fetch.status).to eq(504) }
      expect(File.exist?(process.path("over"))).to be(false)
    end

    it "gives up a thread that does not die; the pool keeps its size, and what it does later harms nobody" do
      stub_const("Hyperion::Server::Overdue::PATIENCE", 0.1)
      release = Thread::Queue.new
      server = start_server(threads: 1, request_timeout: 0.4) do |env|
        next ok("ok") unless env["PATH_INFO"] == "/undead"

        Thread.handle_interrupt(Object => :never) { release.pop }
        ok("from the dead")
      end
      connect(server) do |client|
        expect(client.fetch("GET", "/undead").status).to eq(504)
        wait_until("another thread") { server.stats.values_at(:threads, :threads_abandoned) == [1, 1] }
        expect(logged(server, "did not end within")).to include("hyperion app 1", "given up so far: 1")
        wait_until("an answer") { client.fetch.body == "ok" }
        release << true
        wait_until("its end") { server.stats[:threads_abandoned].zero? }
        wait_until("an answer") { client.fetch.body == "ok" }
      end
      expect(server.stats).to include(threads: 1, request_timeouts: 1)
      expect(server.stop).to be(true)
    end

    it "replaces a thread that came back to life, without giving it up" do
      server = start_server(threads: 1, request_timeout: 0.4) do |env|
        next ok(Thread.current.name) unless env["PATH_INFO"] == "/stuck"

        catch(:alive) do
          sleep
        ensure
          throw :alive # ends the kill
        end
        ok("late")
      end
      expect(fetch(server, "GET", "/stuck").status).to eq(504)
      wait_until("another thread") { fetch(server).body == "hyperion app 2" }
      expect(app_threads.map(&:name)).to eq(["hyperion app 2"])
      # Who has been served by it: nobody.
      expect(fetch(server).body).to eq("hyperion app 2")
      expect(server.stats).to include(threads: 1, request_timeouts: 1, threads_abandoned: 0)
    end

    it "leaves a request alone that ends just when its time does" do
      server = start_server(threads: 2, request_timeout: 0.02) do |_env|
        sleep 0.02
        ok("ok")
      end
      clients = Array.new(4) do
        Thread.new { connect(server) { |client| Array.new(25) { client.fetch.status } } }
      end
      statuses = clients.flat_map(&:value)
      expect(statuses.uniq - [200, 503, 504]).to eq([])
      wait_until("two threads") { server.stats[:threads] == 2 }
      connect(server) { |client| expect(client.fetch.status).to be_between(200, 504) }
    end
  end

  it "min_write_rate: a client that takes too little of a response is closed", option: :min_write_rate do
    server = start_server(write_timeout: 0, min_write_rate: "2m") { ok("x" * (16 << 20)) }
    connect(server) do |client|
      client.request
      wait_until("the end") do
        client.read(1000)
        sleep 0.01
        server.stats[:slow_readers] == 1
      end
    end
    expect(logged(server, "min-write-rate")).to include("GET /")
  end
end
