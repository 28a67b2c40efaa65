# frozen_string_literal: true

require "tempfile"

# What a scrape says about real requests, and what Hyperion.stats does.
RSpec.describe "metrics" do
  token = {"X-Hyperion-Admin-Token" => "secret"}
  # Large enough not to be read into memory: the kernel sends it.
  large = Tempfile.new("large").tap { |one| one << ("x" * 100_000) }.tap(&:flush)
  file = Struct.new(:to_path) { def each = yield(File.binread(to_path)) }.new(large.path)
  app = lambda do |env|
    case env["PATH_INFO"]
    when "/fail" then raise "as ordered"
    when "/missing" then [404, {"content-type" => "text/plain"}, ["no"]]
    when "/file" then [200, {"content-type" => "text/plain"}, file]
    else [200, {"content-type" => "text/plain"}, ["app"]]
    end
  end

  def start(app, **options)
    start_server(app, admin_token: "secret", **options)
  end

  define_method(:scrape) do |server|
    Support::Scrape.new(fetch(server, "GET", "/-/metrics", token).body)
  end

  duration = "hyperion_request_duration_seconds_count"

  it "are a page that promtool has nothing to say about" do
    server = start(app)
    Hyperion.metrics.counter(:spec_page_total, "Pages, \\ and\nlines.", labels: [:kind]).increment(kind: "a\"\\\n")
    Hyperion.metrics.histogram(:spec_page_seconds, "Pages.").observe(0.5)
    Hyperion.metrics.gauge(:spec_page_size, "Pages.").set(1e300)
    connect(server) do |client|
      %w[/ /users/1 /fail /missing /a"b].each { |path| client.fetch("GET", path) }
      client.fetch("BREW", "/")
    end
    page = scrape(server)
    expect(page.faults).to eq("")
    names = page.text.scan(/^# TYPE (\S+)/).flatten
    expect(names).to eq(names.uniq)
    expect(page.text.scan(/^# HELP (\S+)/).flatten).to eq(names)
  end

  it "have every name of 2.x that this version can fill" do
    server = start(app)
    fetch(server, "GET", "/")
    text = scrape(server).text
    %w[hyperion_requests_total hyperion_request_duration_seconds hyperion_responses_status_total
       hyperion_requests_dispatch_total hyperion_c_loop_requests_total hyperion_connections_active
       hyperion_connections_accepted_total hyperion_requests_in_flight hyperion_threadpool_queue_depth
       hyperion_bytes_read_total hyperion_bytes_written_total hyperion_parse_errors_total hyperion_app_errors_total
       hyperion_read_timeouts_total hyperion_sendfile_responses_total hyperion_io_uring_workers_active]
      .each { |name| expect(text).to match(/^# TYPE #{name} (counter|gauge|histogram)$/) }
  end

  it "count requests by status, by who answered, and by method, path and status" do
    table = Hyperion::Server::RouteTable.new
    table.handle_static("GET", "/static", "native")
    table.handle("GET", "/block") { |_env| [201, {"content-type" => "text/plain"}, ["block"]] }
    server = start(app, route_table: table)
    connect(server) do |client|
      3.times { client.fetch("GET", "/static") }
      2.times { client.fetch("GET", "/block") }
      client.fetch("GET", "/users/17")
      client.fetch("POST", "/users/18", {}, "x")
      client.fetch("GET", "/fail")
      client.fetch("GET", "/file")
    end
    connect(server) { |client| client.write("nonsense\r\n\r\n").read_response }
    page = nil
    wait_until("all are counted") { (page = scrape(server))["hyperion_requests_answered_total", by: "server"] == 1 }
    expect(page["hyperion_c_loop_requests_total", kind: "static"]).to eq(3)
    expect(page["hyperion_c_loop_requests_total", kind: "dynamic_block"]).to eq(2)
    expect(page["hyperion_requests_answered_total", by: "app"]).to eq(4)
    expect(page["hyperion_sendfile_responses_total"]).to eq(1)
    expect(page["hyperion_responses_status_total", status: "201"]).to eq(2)
    expect(page["hyperion_responses_status_total", status: "400"]).to eq(1)
    expect(page["hyperion_parse_errors_total"]).to eq(1)
    expect(page["hyperion_app_errors_total"]).to eq(1)
    expect(page[duration, method: "GET", path: "/static", status: "200"]).to eq(3)
    expect(page[duration, method: "GET", path: "/block", status: "201"]).to eq(2)
    expect(page[duration, method: "GET", path: "/users/:id", status: "200"]).to eq(1)
    expect(page[duration, method: "POST", path: "/users/:id", status: "200"]).to eq(1)
    expect(page[duration, method: "GET", path: "/fail", status: "500"]).to eq(1)
    expect(page[duration, method: "other", path: "other", status: "400"]).to eq(1)
    expect(server.stats[:c_loop_requests_total]).to eq(5)
    expect(server.stats).to include(answered_by_app: 4, app_errors: 1, parse_errors: 1, responses_5xx: 1)
  end

  it "have five buckets and more below 5 ms, and each holds those below it" do
    server = start(app)
    5.times { fetch(server, "GET", "/") }
    samples = scrape(server).samples.select do |sample|
      sample.name == "hyperion_request_duration_seconds_bucket" && sample.labels[:path] == "/"
    end
    edges = samples.map { |sample| Support::Scrape.number(sample.labels[:le]) }
    expect(edges.count { |edge| edge < 0.005 }).to be >= 5
    expect(edges).to eq(edges.sort)
    expect(samples.map(&:value)).to eq(samples.map(&:value).sort)
    expect(samples.last.value).to eq(5)
  end

  it "measure the wait for a thread, and the application" do
    began = Thread::Queue.new
    gate = Thread::Queue.new
    slow = lambda do |_env|
      began << true
      gate.pop
      [200, {"content-type" => "text/plain"}, ["x"]]
    end
    server = start(slow, threads: 1)
    clients = Array.new(2) { connect(server).request("GET", "/") }
    began.pop
    wait_until("the second one waits") { server.stats[:queue_depth] == 1 }
    sleep 0.06
    2.times { gate << true }
    clients.each(&:read_response)
    page = nil
    wait_until("both are counted") { (page = scrape(server))["hyperion_app_seconds_count"] == 2 }
    expect(page["hyperion_gvl_wait_seconds_count"]).to eq(2)
    expect(page["hyperion_gvl_wait_seconds_sum"]).to be_between(0.06, 60)
    expect(page["hyperion_app_seconds_sum"]).to be_between(0.06, 60)
    expect(page["hyperion_request_queue_seconds_sum"]).to eq(page["hyperion_gvl_wait_seconds_sum"])
  end

  it "take the queue time from a proxy's X-Request-Start, and nonsense from nobody" do
    server = start(app)
    now = Process.clock_gettime(Process::CLOCK_REALTIME)
    connect(server) do |client|
      client.fetch("GET", "/", "X-Request-Start" => format("t=%.3f", now - 20))
      client.fetch("GET", "/", "X-Request-Start" => ((now - 20) * 1000).to_i)
      client.fetch("GET", "/", "X-Request-Start" => ((now - 20) * 1_000_000).to_i)
    end
    page = nil
    wait_until("three are counted") { (page = scrape(server))["hyperion_request_queue_seconds_count"] == 3 }
    expect(page["hyperion_request_queue_seconds_sum"]).to be_between(60, 60 + 3 * Support::Waiting::PATIENCE)
    before = page["hyperion_request_queue_seconds_sum"]
    nonsense = ["", "t=", "soon", "-1", "0", "t=9999999999", "9" * 40, "t=1e9", (now - 86_400).to_i.to_s, "\x80"]
    nonsense.each { |value| expect(fetch(server, "GET", "/", "X-Request-Start" => value).status).to eq(200) }
    wait_until("all are counted") do
      (page = scrape(server))["hyperion_request_queue_seconds_count"] == 3 + nonsense.size
    end
    expect(page["hyperion_request_queue_seconds_sum"] - before).to be < Support::Waiting::PATIENCE
  end

  it "tell what connections do" do
    gate = Thread::Queue.new
    server = start(->(_env) { [200, {"content-type" => "text/plain"}, [gate.pop]] })
    idle = connect(server)
    reading = connect(server).write("GET / HT")
    waiting = connect(server).request("GET", "/")
    page = nil
    # The scrape's own connection is idle between two of them, and that is what the turn before this one saw.
    connect(server) do |client|
      wait_until("the states are told") do
        page = Support::Scrape.new(client.fetch("GET", "/-/metrics", token).body)
        %w[idle reading waiting].map { |state| page["hyperion_connections", state: state] } == [2, 1, 1]
      end
    end
    expect(page["hyperion_connections"]).to eq(page["hyperion_connections_active"])
    expect(server.stats[:connections_waiting]).to eq(1)
    gate << "x"
    waiting.read_response
    [idle, reading, waiting].each(&:close)
    wait_until("all are gone") { server.stats[:connections_active].zero? }
    expect(server.stats.slice(:connections_idle, :connections_reading, :connections_waiting, :connections_writing,
                              :connections_closing).values).to all(eq(0))
  end

  it "stay bounded in a flood of paths, methods and hosts, and lose no request" do
    server = start(app, threads: 1)
    connect(server) do |client|
      10_000.times.each_slice(200) do |numbers|
        client.write(*numbers.map do |i|
          name = i.to_s(36).tr("0-9", "A-J")
          "M#{name} /flood/#{name} HTTP/1.1\r\nHost: h#{i}.example\r\n\r\n"
        end)
        numbers.each { client.read_response }
      end
    end
    page = scrape(server)
    expect(page.values(duration, :path).size).to be_between(300, 513)
    expect(page.values(duration, :method)).to match_array(%w[other])
    expect(page[duration, method: "other"]).to eq(10_000)
    expect(page.text.bytesize).to be < 2 << 20
    expect(page.faults).to eq("")
  end

  it "leave no place to paths that the application does not know" do
    server = start(->(env) { [env["PATH_INFO"] == "/there" ? 200 : 404, {"content-type" => "text/plain"}, ["x"]] })
    paths = [*("a".."z").map { |name| "/#{name}" }, "/there"]
    connect(server) { |client| paths.each { |path| client.fetch("GET", path) } }
    page = scrape(server)
    expect(page.values(duration, :path)).to contain_exactly("other", "/there")
    expect(page[duration, path: "other", status: "404"]).to eq(26)
  end

  it "cannot be forged by what a client sends" do
    server = start(app)
    evil = %(/a"}1%0Aforged_total{x="1"}\\)
    connect(server) do |client|
      client.fetch("GET", evil, "X-Request-Start" => %(t=1"} 1 forged_total 7), "Host" => "forged.example",
                                "User-Agent" => "x\"} 1\tforged_total 7")
      client.fetch("GET", "/\xff\xfe")
    end
    page = scrape(server)
    expect(page.samples.map(&:name).grep(/forged/)).to eq([])
    expect(page.text).not_to include("\nforged")
    expect(page.faults).to eq("")
    expect(page.text).to be_valid_encoding
  end

  it "are not kept when they are off; the counters are", option: :metrics do
    server = start(app, metrics: false)
    fetch(server, "GET", "/")
    expect(fetch(server, "GET", "/-/metrics", token).status).to eq(404)
    expect(fetch(server, "GET", "/-/healthz").status).to eq(200)
    expect(server.stats).to include(requests: 3, answered_by_app: 1)
  end

  describe "with a path templater of the user's", option: :path_templater do
    it "have its shapes once it has said them, and other until then" do
      asked = Thread::Queue.new
      gate = Thread::Queue.new
      templater = lambda do |path|
        asked << path
        gate.pop
        path.start_with?("/posts/") ? "/posts/:slug" : nil
      end
      server = start(app, path_templater: templater)
      fetch(server, "GET", "/posts/one")
      expect(asked.pop).to eq("/posts/one")
      expect(scrape(server).values(duration, :path)).to eq(["other"])
      gate.close
      wait_until("the shape is known") do
        fetch(server, "GET", "/posts/one")
        scrape(server)[duration, path: "/posts/:slug"]
      end
      20.times { fetch(server, "GET", "/posts/one") }
      expect(asked.size).to be <= 3 # /-/metrics, and what the loop asked for before
      expect(scrape(server).values(duration, :path)).to contain_exactly("other", "/posts/:slug")
    end

    it "log one that fails once, and count other" do
      server = start(app, path_templater: ->(path) { path == "/odd" ? 17 : raise("no shape for\nthat") })
      %w[/a /b /odd /c].each { |path| 2.times { fetch(server, "GET", path) } }
      wait_until("it is logged") { log_lines(server).grep(/path templater/).any? }
      fetch(server, "GET", "/d")
      expect(scrape(server).values(duration, :path)).to eq(["other"])
      server.stop
      lines = log_lines(server).grep(/path templater/)
      expect(lines.size).to eq(1)
      expect(lines.first).to include("the path templater failed, its paths are counted as other (said once): ")
    end

    it "take 2.x's objects with a method template, and refuse what can do neither" do
      rules = Object.new
      def rules.template(path) = path.sub(/\d+/, ":n")
      server = start(app, path_templater: rules)
      wait_until("the shape is known") do
        fetch(server, "GET", "/n/7")
        scrape(server)[duration, path: "/n/:n"]
      end
      expect { start(app, path_templater: 17) }
        .to raise_error(ArgumentError, /path_templater: 17 is not allowed, expected/)
    end

    it "end with the server, however long the templater takes" do
      asked = Thread::Queue.new
      server = start(app, path_templater: lambda { |_path|
        asked << true
        sleep
      })
      fetch(server, "GET", "/")
      asked.pop
      expect(server.stop).to be(true)
      expect(Thread.list.map(&:name)).not_to include("hyperion paths")
    end
  end

  describe "Hyperion.stats" do
    it "adds the servers of this process up, and has every key without one" do
      expect(Hyperion.stats).to include(requests: 0, c_loop_requests_total: 0, backlog: 0)
      servers = Array.new(2) { start_server(app, threads: 3) }
      servers.each { |server| fetch(server, "GET", "/") }
      expect(Hyperion.stats).to include(requests: 2, requests_count: 2, max_threads: 6, running: 6)
      servers.each(&:stop)
      expect(Hyperion.stats).to include(requests: 0, max_threads: 0)
      expect(Hyperion.stats.keys).to eq(servers.first.stats.keys)
    end
  end
end
