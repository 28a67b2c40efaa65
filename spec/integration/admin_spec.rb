# frozen_string_literal: true

require "socket"

# /-/metrics, /-/healthz, /-/readyz and /-/quit.
RSpec.describe "the admin paths" do
  token = {"X-Hyperion-Admin-Token" => "secret"}
  app = ->(env) { [404, {"content-type" => "text/plain"}, ["app: #{env["PATH_INFO"]}"]] }

  def admin(server, *request, **fields)
    port = Integer(server.admin_url[/\d+\z/])
    Support::RawClient.open(port) { |client| client.fetch(*request, **fields) }
  end

  def refused?(port)
    TCPSocket.new("127.0.0.1", port).close
    false
  rescue Errno::ECONNREFUSED
    true
  end

  it "do not exist where nothing is configured" do
    server = start_server(app)
    %w[/-/metrics /-/healthz /-/readyz].each { |path| expect(fetch(server, "GET", path).body).to eq("app: #{path}") }
    expect(fetch(server, "POST", "/-/quit").body).to eq("app: /-/quit")
    expect(server.admin_url).to be_nil
  end

  it "tell health to everybody, and the rest to whoever has the token", option: :admin_token do
    server = start_server(app, admin_token: "secret")
    connect(server) do |client|
      expect(client.fetch("GET", "/-/healthz").body).to eq('{"status":"ok"}')
      expect(client.fetch("GET", "/-/readyz").body).to eq('{"status":"ready"}')
      response = client.fetch("GET", "/-/metrics")
      expect(response).to have_attributes(status: 401, body: '{"error":"unauthorized"}')
      expect(response["www-authenticate"]).to eq("Bearer")
      response = client.fetch("GET", "/-/metrics", token)
      expect(response.status).to eq(200)
      expect(response["content-type"]).to eq("text/plain; version=0.0.4; charset=utf-8")
      expect(response["cache-control"]).to eq("no-store")
      expect(client.fetch("GET", "/-/metrics", "Authorization" => "Bearer secret").status).to eq(200)
      expect(client.fetch("GET", "/-/other").body).to eq("app: /-/other")
    end
  end

  it "answer HEAD as GET without the body, and another method with those that there are" do
    server = start_server(app, admin_token: "secret")
    connect(server) do |client|
      expect(client.fetch("HEAD", "/-/healthz")["content-length"]).to eq('{"status":"ok"}'.bytesize.to_s)
      expect(client.fetch("HEAD", "/-/metrics", token)["content-length"].to_i).to be > 1000
      response = client.fetch("POST", "/-/healthz", {}, "body")
      expect([response.status, response["allow"]]).to eq([405, "GET, HEAD"])
      response = client.fetch("GET", "/-/quit", token)
      expect([response.status, response["allow"]]).to eq([405, "POST"])
    end
    expect(server).to be_running
  end

  it "answer every guess alike and say nothing of the token, in the log neither" do
    server = start_server(app, admin_token: "secret", log_requests: true)
    guesses = ["", "s", "secre", "secret2", "SECRET", "x" * 10_000, "\x80secret", "Bearer secret"]
    answers = guesses.map { |guess| fetch(server, "POST", "/-/quit", "X-Hyperion-Admin-Token" => guess) }
    expect(answers.map { |one| [one.status, one.body] }.uniq).to eq([[401, '{"error":"unauthorized"}']])
    fetch(server, "GET", "/-/metrics", token)
    expect(server).to be_running
    server.stop
    expect(log_lines(server).join).not_to include("secret")
  end

  it "answer while every app thread is stuck" do
    gate = Thread::Queue.new
    stuck = Thread::Queue.new
    slow = lambda do |_env|
      stuck << true
      gate.pop
      [200, {"content-type" => "text/plain"}, ["late"]]
    end
    server = start_server(slow, admin_token: "secret", threads: 2)
    waiting = Array.new(3) { connect(server).request("GET", "/") }
    2.times { stuck.pop }
    wait_until("the third request waits") { server.stats[:queue_depth] == 1 }
    expect(fetch(server, "GET", "/-/healthz").status).to eq(200)
    expect(fetch(server, "GET", "/-/readyz").status).to eq(200)
    page = Support::Scrape.new(fetch(server, "GET", "/-/metrics", token).body)
    expect(page["hyperion_threadpool_busy_threads"]).to eq(2)
    expect(page["hyperion_threadpool_max_threads"]).to eq(2)
    expect(page["hyperion_threadpool_queue_depth", worker_id: "0"]).to eq(1)
    expect(page["hyperion_requests_in_flight"]).to eq(4)
    expect(server.stats).to include(backlog: 1, running: 2, busy_threads: 2, pool_capacity: 0, max_threads: 2)
    3.times { gate << true }
    expect(waiting.map { |client| client.read_response.body }).to eq(%w[late] * 3)
  end

  it "answer while somebody holds Ruby's lock and does not give it back" do
    rackup = <<~RUBY
      require "fiddle"
      PAUSE = Fiddle::Function.new(Fiddle.dlopen(nil)["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true)
      run lambda { |env|
        PAUSE.call(600) if env["PATH_INFO"] == "/hold"
        [200, {"content-type" => "text/plain"}, ["free"]]
      }
    RUBY
    process = start_hyperion("-p", "0", app: rackup, env: {"HYPERION_ADMIN_TOKEN" => "secret"})
    Support::RawClient.new(process.port).request("GET", "/hold")
    held = lambda do
      page = Support::RawClient.open(process.port) { |client| client.fetch("GET", "/-/metrics", token) }
      Support::Scrape.new(page.body)["hyperion_threadpool_busy_threads"] == 1
    end
    wait_until("the lock is held") { held.call }
    victim = Support::RawClient.new(process.port).request("GET", "/")
    Support::RawClient.open(process.port) do |client|
      expect(client.fetch("GET", "/-/healthz").status).to eq(200)
      expect(client.fetch("GET", "/-/readyz").status).to eq(200)
      expect(client.fetch("GET", "/-/metrics", token).status).to eq(200)
      expect(client.fetch("POST", "/-/quit", token).status).to eq(202)
    end
    expect(victim.readable?).to be(false)
  end

  it "have a listener of their own where one is configured, and then nowhere else", option: :admin_listener_port do
    server = start_server(app, admin_listener_port: 0, admin_token: "secret")
    expect(server.admin_url).to match(%r{\Ahttp://127\.0\.0\.1:\d+\z})
    expect(server.urls).not_to include(server.admin_url)
    expect(admin(server, "GET", "/-/healthz").status).to eq(200)
    expect(admin(server, "GET", "/-/metrics").status).to eq(401)
    expect(admin(server, "GET", "/-/metrics", token).status).to eq(200)
    expect(admin(server, "GET", "/")).to have_attributes(status: 404, body: '{"error":"not found"}')
    expect(admin(server, "POST", "/users", {}, "x").status).to eq(404)
    expect(fetch(server, "GET", "/-/healthz").body).to eq("app: /-/healthz")
    expect(fetch(server, "GET", "/-/metrics", token).body).to eq("app: /-/metrics")
  end

  it "need no token on a listener of their own; but a web page may not stop the server", option: :admin_listener_host do
    server = start_server(app, admin_listener_port: 0, admin_listener_host: "localhost")
    expect(admin(server, "GET", "/-/metrics").status).to eq(200)
    expect(admin(server, "POST", "/-/quit", "Origin" => "https://evil.example").status).to eq(403)
    expect(server).to be_running
    expect(admin(server, "POST", "/-/quit").status).to eq(202)
    server.wait
    expect(server).not_to be_running
  end

  it "say on their own listener that the server drains, until it has" do
    gate = Thread::Queue.new
    began = Thread::Queue.new
    slow = lambda do |_env|
      began << true
      gate.pop
      [200, {"content-type" => "text/plain"}, ["done"]]
    end
    server = start_server(slow, admin_listener_port: 0, threads: 1)
    client = connect(server).request("GET", "/")
    began.pop
    expect(admin(server, "GET", "/-/readyz").status).to eq(200)
    stop = Thread.new { server.stop(30) }
    wait_until("the drain is told") { admin(server, "GET", "/-/readyz").status == 503 }
    expect(admin(server, "GET", "/-/readyz").body).to eq('{"status":"draining"}')
    expect(admin(server, "GET", "/-/healthz").status).to eq(200)
    expect(Support::Scrape.new(admin(server, "GET", "/-/metrics").body)["hyperion_requests_in_flight"]).to eq(2)
    expect(refused?(server.port)).to be(true)
    gate << true
    expect(client.read_response.body).to eq("done")
    expect(stop.value).to be(true)
    expect(refused?(Integer(server.admin_url[/\d+\z/]))).to be(true)
  end

  it "end a process as TERM does" do
    process = start_hyperion("-p", "0", env: {"HYPERION_ADMIN_TOKEN" => "secret"})
    response = Support::RawClient.open(process.port) { |client| client.fetch("POST", "/-/quit", token) }
    expect(response).to have_attributes(status: 202, body: '{"status":"draining"}')
    expect(exit_status(process)).to eq(0)
    expect(process.stdout).to include("POST /-/quit: the server is to end", "TERM: stopping")
  end

  describe "with a token in a file" do
    around { |example| Dir.mktmpdir { |folder| Dir.chdir(folder) { example.run } } }

    def token_file(content, mode)
      File.write("token", content)
      File.chmod(mode, "token")
      "token"
    end

    it "take it from there", option: :admin_token_file do
      server = start_server(app, admin_token_file: token_file("secret\n", 0o640))
      expect(fetch(server, "GET", "/-/metrics", token).status).to eq(200)
      expect(fetch(server, "GET", "/-/metrics", "X-Hyperion-Admin-Token" => "secret2").status).to eq(401)
    end

    it "refuse one that is no secret, or no token" do
      {
        ["secret", 0o644] => "\"token\" is not allowed, everybody may read it; chmod o-rwx token",
        ["\n", 0o600] => "token is empty, expected the token in it",
        ["two\nlines", 0o600] => "the token must be printable ASCII without blanks at its ends"
      }.each do |(content, mode), reason|
        expect { Hyperion::Server.new(app: app, admin_token_file: token_file(content, mode)) }
          .to raise_error(ArgumentError, "Hyperion::Server: admin_token_file: #{reason}")
      end
      expect { Hyperion::Server.new(app: app, admin_token_file: "none") }.to raise_error(ArgumentError, /token_file/)
      expect { Hyperion::Server.new(app: app, admin_token: " secret") }
        .to raise_error(ArgumentError, "Hyperion::Server: admin_token: the token must be printable ASCII without " \
                                       "blanks at its ends")
      expect { Hyperion::Server.new(app: app, admin_token: "x", admin_token_file: token_file("y", 0o600)) }
        .to raise_error(ArgumentError, /admin_token: and .*admin_token_file both give a token; one is enough/)
    end

    it "say so in one line when the server is a process" do
      process = run_hyperion("-p", "0", "--admin-token-file", "token", files: {"token" => "secret"})
      expect(process.status.exitstatus).to eq(1)
      expect(process.stderr).to match(/\Ahyperion: --admin-token-file: .*everybody may read.*chmod.*\n\z/)
    end
  end

  it "tell their own listener in the banner" do
    process = start_hyperion("-p", "0", "--admin-listener-port", "0")
    json = start_hyperion("-p", "0", "-b", "127.0.0.1", "-b", "unix://app.sock", "--admin-listener-port", "0",
                          "--log-format", "json")

    expect(process.stdout).to match(%r{^\* Admin paths at http://127\.0\.0\.1:\d+$})
    expect(json.stdout).to match(%r{unix://app\.sock, admin paths at http://127\.0\.0\.1:\d+"})
    expect(process.urls).to match([%r{\Ahttp://127\.0\.0\.1:\d+\z}])
    expect(json.urls).to match([%r{\Ahttp://127\.0\.0\.1:\d+\z}, "unix://app.sock"])
    expect(fetch(Struct.new(:port).new(process.port), "GET", "/-/healthz").body).to eq("hello from /-/healthz")
  end

  it "keep their token out of what --check-config shows" do
    process = run_hyperion("--check-config", env: {"HYPERION_ADMIN_TOKEN" => "a-token"})
    expect(process.stdout).to match(/^admin_token +\(secret\) +HYPERION_ADMIN_TOKEN$/)
    expect(process.stdout + process.stderr).not_to include("a-token")
  end
end
