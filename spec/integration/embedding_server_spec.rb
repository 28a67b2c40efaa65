# frozen_string_literal: true

require "timeout"

RSpec.describe Hyperion::Server do
  def hello
    ->(env) { [200, {}, ["hello #{env["PATH_INFO"]}"]] }
  end

  def server(app = hello, **options)
    described_class.new(app: Support::Lint.wrap(app), host: "127.0.0.1", port: 0, log_level: "fatal", **options)
                   .tap { |made| (@started_servers ||= []) << made }
  end

  # A server with one request inside the application, and what the test and the application do about it.
  def busy_server(**options)
    entered = Thread::Queue.new
    release = Thread::Queue.new
    app = lambda do |_env|
      entered << true
      release.pop
      [200, {}, ["done"]]
    end
    server = server(app, **options).start
    client = connect(server).request
    entered.pop
    [server, client, release]
  end

  describe "options" do
    it "names the nearest keyword" do
      expect { server(thread: 3) }
        .to raise_error(ArgumentError, "Hyperion::Server: unknown keyword thread; the nearest is threads")
      expect { server(max_body_size: 3) }.to raise_error(ArgumentError, /the nearest is max_body_bytes/)
    end

    it "says why a keyword of 2.x is gone, and takes one that was replaced" do
      expect { server(async_io: true) }
        .to raise_error(ArgumentError, /\AHyperion::Server: async_io: this version has no async mode/)
      expect { expect(server(read_timeout: 7).settings.configuration[:header_timeout]).to eq(7) }
        .to output(/WARN server: Hyperion::Server: read_timeout: the head and the body .*\n\z/).to_stderr
    end

    it "says what a keyword can take" do
      expect { server(threads: "many") }
        .to raise_error(ArgumentError, /\AHyperion::Server: threads: "many" is not allowed, expected a number/)
      expect { server(idle_keepalive: -1) }.to raise_error(ArgumentError, /expected a time/)
    end

    it "wants an application" do
      expect { server(3) }.to raise_error(ArgumentError, "Hyperion::Server: app must have a method call")
    end

    it "takes every option of the table, and does not read other servers' environment variables" do
      defaults = Hyperion::Config::Configuration.new([])
      values = Hyperion::Config::Options::TABLE.select(&:keyword?)
                                               .to_h { |option| [option.words.first, defaults[option.name]] }.compact
      made = described_class.new(app: hello, **values, bind: "127.0.0.1", port: 0, log_requests: false)
      ENV["HYPERION_THREADS"] = ENV["RAILS_MAX_THREADS"] = "9"

      expect(made.start.settings.threads).to eq(5..5)
    ensure
      ENV.delete("HYPERION_THREADS")
      ENV.delete("RAILS_MAX_THREADS")
      made.stop(0)
    end
  end

  describe "what only Ruby gives" do
    it "is in the environment of every request" do
      errors = StringIO.new
      seen = nil
      app = lambda do |env|
        seen = env.slice("SERVER_SOFTWARE", "rack.multithread")
        env["rack.errors"].write("noted")
        [200, {}, []]
      end
      fetch(server(app, rack_errors: errors, server_software: "mine/1", threads: 1).start)

      expect(seen).to eq("SERVER_SOFTWARE" => "mine/1", "rack.multithread" => false)
      expect(errors.string).to eq("noted")
    end

    it "is how line feeds in header values are understood", no_lint: {rack_3: "LF in a value"} do
      app = ->(_env) { [200, {"x-two" => "a\nb"}, []] }

      expect(fetch(server(app, rack_3: false).start)["x-two"]).to eq("a, b")
      expect(fetch(server(app, rack_3: true).start).status).to eq(500)
      expect(fetch(server(app).start).status).to eq(Rack.release.to_i >= 3 ? 500 : 200)
    end
  end

  describe "start" do
    it "returns itself once clients can connect, and does nothing when it runs" do
      made = server

      expect(made.start).to be(made)
      port = made.port
      expect(fetch(made, "GET", "/a").body).to eq("hello /a")
      expect(made.start.port).to eq(port)
      expect(made.urls).to eq(["http://127.0.0.1:#{port}"])
      expect(made).to be_running
    end

    it "raises for an address that is taken, and leaves nothing behind" do
      taken = server.start
      second = described_class.new(app: hello, host: "127.0.0.1", port: taken.port, log_level: "fatal")
      before = Dir.children("/proc/self/fd").size

      expect { second.start }
        .to raise_error(Errno::EADDRINUSE, %r{cannot listen at tcp://127.0.0.1:#{taken.port}; somebody listens there})
      expect(Dir.children("/proc/self/fd").size).to eq(before)
      expect([second.running?, second.port, second.urls, second.stats, second.stop]).to eq([false, nil, [], {}, true])

      taken.stop(0)
      expect(fetch(second.start).status).to eq(200)
    ensure
      second.stop(0)
    end

    it "raises for a host name that does not resolve" do
      expect { described_class.new(app: hello, host: "no.such.host.invalid", port: 0).start }
        .to raise_error(SocketError, "cannot listen at tcp://no.such.host.invalid:0: the host name does not resolve")
    end

    it "binds every address of localhost at one port" do
      addresses = Addrinfo.getaddrinfo("localhost", nil, nil, :STREAM).map(&:ip_address).uniq
      made = described_class.new(app: hello, host: "localhost", port: 0, log_requests: false).start

      expect(made.urls.size).to eq(addresses.size)
      addresses.each do |address|
        Support::RawClient.open(made.port, host: address) { |client| expect(client.fetch.status).to eq(200) }
      end
    ensure
      made.stop(0)
    end

    it "binds several addresses: TCP, IPv6, unix sockets with permissions, an inherited descriptor" do
      Dir.mktmpdir do |folder|
        inherited = TCPServer.new("127.0.0.1", 0)
        binds = ["127.0.0.1", "[::1]", "unix://#{folder}/a?mode=0600", "unix://#{folder}/b?umask=0117",
                 "@hyperion-#{Process.pid}", "fd://#{inherited.fileno}"]
        inherited.autoclose = false
        made = described_class.new(app: hello, binds: binds, port: 0, log_requests: false).start
        tcp = made.urls.grep(/http/).map { |url| Integer(url[/\d+\z/]) }

        Support::RawClient.open(tcp[0]) { |client| expect(client.fetch.status).to eq(200) }
        Support::RawClient.open(tcp[1], host: "::1") { |client| expect(client.fetch.status).to eq(200) }
        Support::RawClient.open(tcp[2]) { |client| expect(client.fetch.status).to eq(200) }
        ["#{folder}/a", "#{folder}/b", "\0hyperion-#{Process.pid}"].each do |path|
          Support::RawClient.open(path: path) { |client| expect(client.fetch.status).to eq(200) }
        end
        expect(%w[a b].map { |name| File.stat("#{folder}/#{name}").mode & 0o777 }).to eq([0o600, 0o660])
      ensure
        made&.stop(0)
        expect(Dir.children(folder)).to eq([])
      end
    end
  end

  describe "stop" do
    it "does nothing before start" do
      made = server

      expect(made.stop).to be(true)
      expect(made.wait).to be(made)
      expect(fetch(made.start).status).to eq(200)
    end

    it "lets the request in flight finish, refuses new connections, and says that all went well" do
      made, client, release = busy_server
      stopping = Thread.new { made.stop(30) }
      wait_until("the listener to close") { refused?(made.port) }

      expect(made).not_to be_running
      expect(stopping).to be_alive
      release << true
      expect(stopping.value).to be(true)
      expect(client.read_response).to have_attributes(status: 200, body: "done")
      expect(client.socket.read).to eq("")
    end

    it "kills what does not finish in time" do
      made, client, = busy_server
      started = monotonic

      expect(made.stop(0.3)).to be(false)
      expect(monotonic - started).to be_between(0.3, 10)
      expect(client.read_response.status).to eq(500)
    end

    it "waits without end when graceful_timeout is off" do
      made, client, release = busy_server(graceful_timeout: "off")
      stopping = Thread.new { made.stop }
      wait_until("the listener to close") { refused?(made.port) }

      expect(stopping.join(0.3)).to be_nil
      release << true
      expect(stopping.value).to be(true)
      expect(client.read_response.status).to eq(200)
    end

    it "twice changes nothing, also from two threads; a nearer deadline counts" do
      made, client, release = busy_server
      threads = [30, 60, nil].map { |timeout| Thread.new { made.stop(timeout) } }
      wait_until("the stop to begin") { !made.running? }

      expect(threads.map(&:alive?)).to eq([true] * 3)
      release << true
      expect(threads.map(&:value)).to eq([true] * 3)
      expect(client.read_response.status).to eq(200)
      expect(made.stop).to be(true)

      made, = busy_server
      slow = Thread.new { made.stop(nil) }
      wait_until("the stop to begin") { !made.running? }
      made_nearer = Thread.new { made.stop(0) }
      expect([made_nearer, slow].map { |thread| thread.join(Support::Waiting::PATIENCE)&.value }).to eq([false, false])
    end

    it "in a trap handler only begins" do
      made, client, release = busy_server
      answer = :none
      before = trap("USR2") { answer = made.stop(30) }
      Process.kill("USR2", Process.pid)
      wait_until("the handler") { answer != :none }

      expect(answer).to be_nil
      wait_until("the listener to close") { refused?(made.port) }
      release << true
      made.wait
      expect(client.read_response.status).to eq(200)
    ensure
      trap("USR2", before || "DEFAULT")
    end

    it "inside a request only begins" do
      made = server(->(_env) { [200, {}, [made.stop.inspect]] }).start

      expect(fetch(made).body).to eq("nil")
      made.wait
      expect(refused?(made.port)).to be(true)
    end

    it "lets wait and run return" do
      made = server
      waiting = Array.new(3) { Thread.new { made.start.wait } } << Thread.new { made.run }
      wait_until("the start") { made.running? && waiting.all? { |thread| thread.status == "sleep" } }
      made.stop

      expect(waiting.map(&:value)).to eq([made] * 4)
    end

    it "follows when run is interrupted" do
      made = server
      running = Thread.new { made.run }
      running.report_on_exception = false
      wait_until("the start") { made.running? && running.status == "sleep" }
      running.raise(Interrupt)

      expect { running.value }.to raise_error(Interrupt)
      expect(made).not_to be_running
      expect(refused?(made.port)).to be(true)
    end

    it "keeps the counters" do
      made = server.start
      fetch(made)
      made.stop

      expect(made.stats).to include(requests: 1, connections_active: 0)
    end

    it "closes connections whatever they are at, and gives everything back" do
      made = server(threads: 1).start
      started = Array.new(3) { connect(made) }
      started[1].write("GET / HTTP/1.1\r\nHost:")
      started[2].request
      started[2].read_response
      before = Dir.children("/proc/self/fd").size
      made.stop(0)

      expect(started.map { |client| client.read_all(reset_ok: true) }.first).to eq("")
      expect(Dir.children("/proc/self/fd").size).to be < before - 3
    end
  end

  describe "life after life" do
    def footprint
      [Thread.list.size, Dir.children("/proc/self/task").size, Dir.children("/proc/self/fd").size]
    end

    it "starts anew after a stop" do
      made = server
      ports = Array.new(3) do
        made.start
        expect(fetch(made).status).to eq(200)
        made.stop
        made.port
      end

      expect(ports).to all(be > 0)
      expect(made.start).to be_running
    end

    it "leaks no thread and no descriptor over 50 lives" do
      made = server(threads: 3, io_threads: 2)
      once = lambda do
        made.start
        connect(made) { |client| client.fetch("POST", "/", {}, "x" * 3000) }
        made.stop
      end
      once.call
      wait_until("threads to end") { Thread.list.none? { |thread| thread.name.to_s.start_with?("hyperion") } }
      GC.disable
      before = footprint
      50.times { once.call }

      # Fewer, too: native threads of what ran before live on for a while.
      wait_until("#{footprint} to become #{before}") { footprint.zip(before).all? { |now, least| now <= least } }
    ensure
      GC.enable
    end

    it "shares nothing with another server of the process" do
      first = server(->(_env) { [200, {}, ["first"]] }, max_body_bytes: 10).start
      second = server(->(_env) { [200, {}, ["second"]] }).start

      expect([first, second].map { |made| fetch(made).body }).to eq(%w[first second])
      expect([first, second].map { |made| fetch(made, "POST", "/", {}, "x" * 11).status }).to eq([413, 200])
      first.stop
      expect(fetch(second).body).to eq("second")
      expect(second.stats).to include(requests: 3)
    end
  end

  describe "a forked child" do
    # What the block prints, run in a child.
    def in_child(&block)
      read, write = IO.pipe
      pid = fork do
        read.close
        write.write(Timeout.timeout(20, &block).inspect)
        exit!(0)
      rescue Exception => error # rubocop:disable Lint/RescueException
        write.write(error.full_message)
        exit!(1)
      end
      write.close
      read.read
    ensure
      Process.wait(pid)
    end

    it "does not run the parent's server, can stop it without harm, and can start its own" do
      made = server.start
      said = in_child do
        states = [made.running?, made.stop, made.wait.equal?(made)]
        made.start
        body = Support::RawClient.open(made.port, &:fetch).body
        made.stop
        GC.start
        [*states, body]
      end

      expect(said).to eq('[false, true, true, "hello /"]')
      expect(made).to be_running
      expect(fetch(made).status).to eq(200)
    end
  end

  def refused?(port)
    TCPSocket.new("127.0.0.1", port).close
    false
  rescue Errno::ECONNREFUSED
    true
  end
end
