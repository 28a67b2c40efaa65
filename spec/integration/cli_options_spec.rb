# frozen_string_literal: true

require "json"
require "pty"

# Each option's effect on a serving process, given in one of the ways in which options are given.
RSpec.describe "exe/hyperion, its options" do
  def client(process, &block)
    Support::RawClient.open(process.port, &block)
  end

  # The seconds until the server ends a connection, on which `bytes` were sent.
  def seconds_until_end(process, bytes)
    client(process) do |client|
      client.write(bytes)
      began = monotonic
      answer = client.read_all
      return [monotonic - began, answer[%r{\AHTTP/1.1 (\d+)}, 1]]
    end
  end

  describe "of the first kind" do
    it "-b, -p and port 0: the banner tells the real addresses", option: %i[bind port] do
      process = start_hyperion("-b", "127.0.0.1", "-b", "[::1]", "--bind=unix://a.sock?mode=0600",
                               "-b", "@h-#{Process.pid}", "-p", "0")

      expect(process.urls.map { |url| url.sub(/\d+\z/, "N") })
        .to eq(["http://127.0.0.1:N", "http://[::1]:N", "unix://a.sock", "unix://@h-#{Process.pid}".sub(/\d+\z/, "N")])
      expect(client(process, &:fetch).status).to eq(200)
      expect(File.stat(process.path("a.sock")).mode & 0o777).to eq(0o600)
      expect(process.stdout)
        .to include("Hyperion #{Hyperion::VERSION} (Ruby #{RUBY_VERSION}, Rack ", "* Environment: development",
                    "* Process: #{process.pid}", "* Threads: 5 ")
    end

    it "-b fd://: an inherited socket" do
      socket = TCPServer.new("127.0.0.1", 0)
      process = start_hyperion("-b", "fd://9", options: {9 => socket})

      expect(process.port).to eq(socket.addr[1])
      expect(client(process, &:fetch).status).to eq(200)
    end

    it "PORT, RACK_ENV and RAILS_MAX_THREADS; production listens everywhere and logs JSON",
       option: %i[environment log_format] do
      port = TCPServer.open("0.0.0.0", 0) { |server| server.addr[1] }
      process = start_hyperion(env: {"PORT" => port.to_s, "RACK_ENV" => "production", "RAILS_MAX_THREADS" => "3"},
                               app: "run ->(env) { [200, {}, [ENV['RACK_ENV']]] }")

      expect(process.urls).to eq(["http://0.0.0.0:#{port}"])
      expect(client(process, &:fetch).body).to eq("production")
      wait_until("the log line") { process.stdout.lines.size >= 2 }
      banner, access = process.stdout.lines.map { |line| JSON.parse(line) }
      expect(banner["message"]).to include("environment production, threads: 3 ")
      expect(access).to include("level" => "info", "source" => "access", "method" => "GET", "status" => 200)
    end

    it "PUMA_MIN_THREADS, PUMA_MAX_THREADS and PUMA_PERSISTENT_TIMEOUT; beaten by HYPERION_THREADS" do
      puma = {"PUMA_MIN_THREADS" => "2", "PUMA_MAX_THREADS" => "4", "PUMA_PERSISTENT_TIMEOUT" => "1"}
      app = <<~'RUBY'
        run(lambda do |env|
          File.write("here-#{env["PATH_INFO"][1..]}", "")
          sleep 0.005 until File.exist?("enough")
          [200, {}, [Thread.list.count { |thread| thread.name.to_s.start_with?("hyperion app") }.to_s]]
        end)
      RUBY
      process = start_hyperion("-p", "0", env: puma, app: app)
      own = start_hyperion("-p", "0", env: {**puma, "HYPERION_THREADS" => "3"})

      expect(process.stdout).to include("* Threads: 2:4 for the application")
      expect(own.stdout).to include("* Threads: 3 for the application")
      clients = Array.new(6) { |number| Thread.new { client(process) { |one| one.fetch("GET", "/#{number}").body } } }
      wait_until("four requests at once") { Dir[process.path("here-*")].size == 4 }
      process.write("enough", "")
      expect(clients.map(&:value)).to all(eq("4"))
      seconds, = seconds_until_end(process, "GET / HTTP/1.1\r\nhost: a\r\n\r\n")
      expect(seconds).to be_between(0.9, 10)
    end

    it "-e beats RACK_ENV, and sets it" do
      process = start_hyperion("-p", "0", "-e", "staging", env: {"RACK_ENV" => "production"},
                                                           app: "run ->(env) { [200, {}, [ENV['RACK_ENV']]] }")

      expect(process.stdout).to include("* Environment: staging", "http://0.0.0.0:")
      expect(client(process, &:fetch).body).to eq("staging")
    end

    it "-C: a file, -C -: none, not even config/hyperion.rb; the rackup file by name",
       option: %i[config rackup] do
      files = {"config/hyperion.rb" => "port 0\nmax_body_bytes 10\n", "other.rb" => "port 0\nmax_body_bytes 20\n",
               "other.ru" => "run ->(env) { [200, {}, ['other']] }"}
      by_default = start_hyperion(files: files)
      other = start_hyperion("-C", "other.rb", "other.ru", files: files)
      none = start_hyperion("-C", "-", "-p", "0", files: files)
      statuses = [by_default, other, none].map do |process|
        [15, 25].map { |size| client(process) { |one| one.fetch("POST", "/", {}, "x" * size).status } }
      end

      expect(statuses).to eq([[413, 413], [200, 413], [200, 200]])
      expect(client(other, &:fetch).body).to eq("other")
    end

    it "--check-config, -V and -h print and end; --check-config loads everything" do
      check = spawn_hyperion("--check-config", "-p", "81", "--idle-keepalive=2m",
                             env: {"HYPERION_MIN_BODY_RATE" => "off"},
                             files: {"config/hyperion.rb" => "\nthreads 1, 3"})
      version = spawn_hyperion("-V")
      help = spawn_hyperion("-h", app: nil)
      broken = spawn_hyperion("--check-config", app: "raise 'no'")

      expect([check, version, help, broken].map { |process| exit_status(process) }).to eq([0, 0, 0, 1])
      expect(check.stdout).to match(%r{^bind\s+tcp://127.0.0.1:81\s+default$})
      expect(check.stdout).to match(/^port\s+81\s+-p$/)
      expect(check.stdout).to match(%r{^threads\s+1:3\s+config/hyperion.rb:2: threads$})
      expect(check.stdout).to match(/^min_body_rate\s+off\s+HYPERION_MIN_BODY_RATE$/)
      expect(check.stdout).to match(/^idle_keepalive\s+120s\s+--idle-keepalive$/)
      uring = Support::EventLoop.io_uring
      expect(version.stdout).to include("hyperion #{Hyperion::VERSION}\n", RUBY_DESCRIPTION, "rack ",
                                        "epoll: yes, io_uring: #{uring}, TLS: not built, HTTP/2: not built")
      Hyperion::Config::Options::TABLE.select(&:flag).each do |option|
        expect(help.stdout).to include(option.switch? ? option.flag.sub("--", "--[no-]") : option.flag)
      end
      expect(help.stdout.lines.map(&:size).max).to be <= 121
    end
  end

  describe "that limit" do
    it "--max-body-bytes, --max-header-bytes, and off", option: %i[max_body_bytes max_header_bytes] do
      limited = start_hyperion("-p", "0", "--max-body-bytes", "10", "--max-header-bytes", "1k")
      free = start_hyperion("-p", "0", env: {"HYPERION_MAX_BODY_BYTES" => "off", "HYPERION_MAX_HEADER_BYTES" => "0"})
      asked = lambda do |process|
        [["POST", "/", {}, "x" * 11], ["GET", "/", {"x-long" => "y" * 2000}], ["GET", "/#{"z" * 2000}"]]
          .map { |request| client(process) { |one| one.fetch(*request).status } }
      end

      expect(asked.call(limited)).to eq([413, 431, 414])
      expect(asked.call(free)).to eq([200, 200, 200])
      expect(client(limited) { |one| one.fetch("POST", "/", {}, "x" * 10).status }).to eq(200)
      wait_until("the log") { limited.stderr.lines.size >= 3 }
      expect(limited.stderr).to match(/WARN http: 413 .*max-body-bytes.*\n.* 431 .*max-header-bytes.*\n.* 414 .*max-he/)
      expect(free.stderr).to eq("")
    end

    it "the time-outs",
       option: %i[header_timeout idle_keepalive body_timeout max_request_read_seconds] do
      process = start_hyperion("-p", "0", "--header-timeout", "300ms", "--idle-keepalive", "400ms")
      bodies = start_hyperion("-p", "0", "--body-timeout", "300ms")
      reads = start_hyperion("-p", "0", "--max-request-read-seconds", "0.4", "--header-timeout", "off")
      head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
      results = {
        header: Thread.new { seconds_until_end(process, "GET / HTTP/1.1\r\nHo") },
        idle: Thread.new { seconds_until_end(process, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") },
        body: Thread.new { seconds_until_end(bodies, "#{head}x") },
        read: Thread.new { seconds_until_end(reads, "#{head}x") }
      }.transform_values(&:value)

      expect(results.transform_values(&:last)).to eq(header: "408", idle: "200", body: "408", read: "408")
      expect(results[:header].first).to be_between(0.25, 8)
      expect(results[:idle].first).to be_between(0.35, 8)
      expect(results[:body].first).to be_between(0.25, 8)
      expect(results[:read].first).to be_between(0.35, 8)
    end

    it "off and 0, for every limit at once: slow clients are served" do
      limits = Hyperion::Config::Options::TABLE.select do |option|
        option.flag && Support::OptionValues.allowed?(option.type, "off") && option.type.cast("off") == 0
      end
      started = %w[off 0].map do |off|
        spawn_hyperion("-p", "0", *limits.flat_map { |option| [option.flag, off] }, app: <<~RUBY)
          run ->(env) { [200, {}, [env["rack.input"].read]] }
        RUBY
      end

      expect(limits.size).to be >= 9
      started.each do |process|
        client(wait_for_banner(process)) do |one|
          2.times do
            ["POST / HT", "TP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", "a"].each do |part|
              one.write(part)
              expect(one.readable?(0.05)).to be(false)
            end
            one.write("bc")
            expect(one.read_response.body).to eq("abc")
          end
        end
      end
    end

    it "--min-body-rate: a body that comes, but too slowly", option: :min_body_rate do
      strict = start_hyperion("-p", "0", "--min-body-rate", "1000", "--body-timeout", "1s")
      client(strict) do |one|
        one.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        wait_until("the answer") do
          one.write("x") && one.readable?(0.05)
        end
        expect(one.read_response.status).to eq(408)
      end
      wait_until("the log") { strict.stderr.include?("min-body-rate") }
    end

    it "--write-timeout: a reader that takes nothing", option: :write_timeout do
      process = start_hyperion("-p", "0", "--write-timeout", "300ms",
                               app: "run ->(env) { [200, {}, ['x' * (64 << 20)]] }")
      client(process) do |one|
        one.request
        wait_until("the log") { process.stderr.include?("write-timeout") }
        expect(one.read_all(reset_ok: true).bytesize).to be < 64 << 20
      end
    end
  end

  it "-t N and MIN:MAX: as many requests at once, from no thread at all", option: :threads do
    app = <<~RUBY
      INSIDE = Thread::Queue.new
      run(lambda do |env|
        INSIDE << true
        sleep 0.01 until File.exist?(env["PATH_INFO"][1..])
        [200, {}, [Thread.current.name]]
      end)
      Thread.new { loop { File.write("inside", INSIDE.size.to_s); sleep 0.01 } }
    RUBY
    processes = {"2" => 2, "0:3" => 3, "1:2" => 2}.map do |threads, most|
      [most, start_hyperion("-p", "0", "-t", threads, app: app)]
    end
    processes.each do |most, process|
      clients = Array.new(most + 2) { Support::RawClient.new(process.port).request("GET", "/go") }
      inside = -> { File.read(process.path("inside")).to_i }
      wait_until("#{most} requests inside") { inside.call == most }
      process.write("go", "")

      expect(inside.call).to eq(most)
      expect(clients.map { |one| one.read_response.body }).to all(match(/\Ahyperion app \d+\z/))
    end
  end

  it "--io-threads", option: :io_threads do
    process = start_hyperion("-p", "0", "--io-threads", "3")
    names = Dir.glob("/proc/#{process.pid}/task/*/comm").map { |file| File.read(file).chomp }

    expect(names.count("hyperion-io")).to eq(3)
    expect(Array.new(20) { client(process, &:fetch).status }).to all(eq(200))
  end

  it "--backlog", option: :backlog do
    process = start_hyperion("-p", "0", "--backlog", "7")
    # The column of a listening socket that is its backlog.
    expect(`ss -ltn 'sport = :#{process.port}'`).to match(/LISTEN\s+0\s+7\s/)
  end

  it "--early-hints and --drop-underscore-headers", option: %i[early_hints drop_underscore_headers] do
    app = <<~RUBY
      run(lambda do |env|
        env["rack.early_hints"]&.call("link" => "</a.css>; rel=preload")
        [200, {}, [env.key?("rack.early_hints").inspect, env["HTTP_X_ONE"].inspect]]
      end)
    RUBY
    on = start_hyperion("-p", "0", "--early-hints", "--drop-underscore-headers", app: app)
    off = start_hyperion("-p", "0", "--no-early-hints", app: app)
    answers = [on, off].map do |process|
      client(process) do |one|
        one.request("GET", "/", {"x_one" => "1"})
        first = one.read_response(interim: true)
        [first.status, (first.status == 103 ? one.read_response : first).body]
      end
    end

    expect(answers).to eq([[103, "truenil"], [200, 'false"1"']])
  end

  it "-w and WEB_CONCURRENCY: one process, with a warning for more", option: :workers do
    processes = [spawn_hyperion("-p", "0", "-w", "3"),
                 spawn_hyperion("-p", "0", env: {"WEB_CONCURRENCY" => "auto"}),
                 spawn_hyperion("-p", "0", "--workers=1", env: {"WEB_CONCURRENCY" => "2"})]
    processes.each do |process|
      wait_for_banner(process)
      expect(client(process, &:fetch).status).to eq(200)
      expect(File.read("/proc/#{process.pid}/task/#{process.pid}/children")).to eq("")
      # The log's thread writes its lines when it comes to it; at the end it has.
      exit_status(process.signal("TERM"))
    end

    expect(processes.map(&:stderr))
      .to match([/\A\S+ WARN server: -w: this version serves in one process.*\n\z/,
                 /\A\S+ WARN server: WEB_CONCURRENCY: this version serves in one process.*\n\z/, ""])
  end

  it "--yjit: on in production, and nothing at all where Ruby has no YJIT", option: :yjit do
    app = <<~RUBY
      $enabled = false
      module RubyVM::YJIT; def self.enable; $enabled = true; end; end
      RubyVM.send(:remove_const, :YJIT) if ENV["WITHOUT"]
      run ->(env) { [200, {}, [$enabled.inspect]] }
    RUBY
    answers = [[], ["--yjit"], %w[-e production], %w[-e production --no-yjit]].map do |arguments|
      spawn_hyperion("-b", "127.0.0.1:0", *arguments, app: app)
    end
    without = spawn_hyperion("-p", "0", "--yjit", app: app, env: {"WITHOUT" => "1"})

    expect([*answers, without].map { |process| client(wait_for_banner(process), &:fetch).body })
      .to eq(%w[false true true false false])
    expect(without.stderr).to eq("")
  end

  it "colours the log on a terminal" do
    output = +""
    PTY.open do |terminal, device|
      process = spawn_hyperion("-p", "0", options: {in: device, out: device, err: device})
      read = -> { output << (terminal.read_nonblock(4096, exception: false) || "") if terminal.wait_readable(0.05) }
      wait_until("the banner") { read.call && output[/Listening on .*:(\d+)/] }
      Support::RawClient.open(Integer(output[/Listening on .*:(\d+)/, 1])) { |one| expect(one.fetch.status).to eq(200) }
      wait_until("the log line") { read.call && output.include?("access:") }
      process.signal("INT")
      expect(exit_status(process)).to eq(0)
    end

    expect(output).to match(/\e\[32mINFO\e\[0m access: GET/)
  end

  it "lets the application's own words out at once" do
    process = start_hyperion("-p", "0", app: "run ->(env) { puts 'said'; [200, {}, []] }")
    client(process, &:fetch)

    wait_until("the word") { process.stdout.include?("said\n") }
  end

  it "--log-requests, --log-level and --log-format", option: %i[log_requests log_level log_format] do
    app = <<~'RUBY'
      run(lambda do |env|
        %w[debug info warn error].each { |level| Hyperion.logger.public_send(level, "it is #{level}") }
        [200, {}, []]
      end)
    RUBY
    quiet = start_hyperion("-p", "0", "--no-log-requests", app: app)
    chatty = start_hyperion("-p", "0", "-v", "--log-level", "debug", "--log-format=json", app: app)
    stern = start_hyperion("-p", "0", "--log-level", "error", app: app)
    [quiet, chatty, stern].each do |process|
      expect(client(process, &:fetch).status).to eq(200)
      process.signal("TERM")
      exit_status(process)
    end
    lines = chatty.stdout.lines.map { |line| JSON.parse(line) }

    expect(quiet.stdout).to match(/^\S+ INFO app: it is info$/)
    expect(quiet.stdout).not_to match(/access:|debug/)
    expect(quiet.stderr).to match(/\A\S+ WARN app: it is warn\n\S+ ERROR app: it is error\n\z/)
    expect(lines.map { |line| line["message"] }).to include("it is debug", "it is info", "request")
    expect(chatty.stderr.lines.map { |line| JSON.parse(line)["level"] }).to eq(%w[warn error])
    expect(stern.stdout).not_to match(/INFO|access/)
    expect(stern.stderr).to match(/\A\S+ ERROR app: it is error\n\z/)
  end
end
