# frozen_string_literal: true

# `bin/rails server -u hyperion`, with Puma beside it in the bundle and without, and with Rack 2.2.
RSpec.describe "rails server -u hyperion" do
  after { (@served || []).each(&:clean) }
  after { |example| (@served || []).each { |app| warn(app.output.lines.last(20)) } if example.exception }

  # Starts it, does not wait.
  def rails_server(*arguments, using: %w[-u hyperion], **options)
    app = Support::AppProcess.new("rails", *using, *arguments, command: %w[bin/rails server], **options)
    (@served ||= []) << app
    app
  end

  def get(app, path)
    Support::Browser.open(app.port) { |browser| browser.get(path) }
  end

  def pid_file(app)
    app.path("tmp/pids/server.pid")
  end

  %w[apps apps_puma apps_rack2].each do |bundle|
    it "serves in development, reloads what changes, and INT ends it without a trace (bundle #{bundle})" do
      app = rails_server("-p", "0", bundle: bundle).ready
      controller = "app/controllers/failures_controller.rb"

      expect(app.stdout).to include("=> Booting Hyperion", "application starting in development", "* Threads: 5 ")
      expect(app.stdout).to match(/^\* Environment: development$/)
      expect(app.urls).to all(match(%r{\Ahttp://(localhost|127\.0\.0\.1|\[::1\]):\d+\z}))
      expect(Integer(File.read(pid_file(app)))).to eq(app.pid)
      expect(get(app, "/notes")).to have_attributes(code: "200")
      failure = get(app, "/failure")
      expect(failure.code).to eq("500")
      expect(failure.body).to include("RuntimeError", "a failure on purpose", "Extracted source")
      app.write(controller, File.read(app.path(controller)).sub("raise \"a failure on purpose\"", "head :no_content"))
      expect(get(app, "/failure").code).to eq("204")

      app.signal("INT")
      expect(exit_status(app)).to eq(0)
      expect(File.exist?(pid_file(app))).to be(false)
      expect(app.stdout).to include("Exiting")
    end
  end

  it "is what RACKUP_HANDLER asks for, without a flag" do
    app = rails_server("-p", "0", using: [], env: {"RACKUP_HANDLER" => "hyperion"}).ready

    expect(app.stdout).to include("=> Booting Hyperion")
  end

  it "takes -b, -e, -P, --early-hints, RAILS_MAX_THREADS and PORT; TERM ends it without a trace" do
    port = Addrinfo.tcp("127.0.0.1", 0).bind { |socket| socket.local_address.ip_port }
    variables = {"RAILS_MAX_THREADS" => "3", "PORT" => port.to_s}
    app = rails_server("-b", "127.0.0.1", "-e", "production", "-P", "run.pid", "--early-hints",
                       bundle: "apps_puma", env: variables).ready

    expect(app.stdout).to include("environment production", "threads: 3 for the application")
    expect(app.urls).to eq(["http://127.0.0.1:#{port}"])
    expect(Integer(File.read(app.path("run.pid")))).to eq(app.pid)
    expect(get(app, "/failure").body).to include("<h1>Something went wrong</h1>")
    client = Support::RawClient.new(app.port).request("GET", "/notes")
    hints = client.read_response(interim: true)
    expect(hints).to have_attributes(status: 103, headers: {"link" => %r{\A</style.css>; }})
    expect(client.read_response.status).to eq(200)
    client.close
    second = rails_server("-p", "0", "-P", app.path("run.pid"))
    expect(exit_status(second, patience: 120)).to eq(1)
    expect(second.stderr).to include("A server is already running (pid: #{app.pid}")

    app.signal("TERM")
    expect(exit_status(app)).to eq(0)
    expect(File.exist?(app.path("run.pid"))).to be(false)
  end

  it "obeys config/hyperion.rb rather than Rails' own host and port; what the user says beats both" do
    files = {"config/hyperion.rb" => "bind 'unix://here.sock'\nthreads 2, 4\nlog_requests false\n",
             "tmp/pids/server.pid" => "4194999"}
    defaults = rails_server(files: files)
    given = rails_server("-p", "0", files: files)
    [defaults, given].each(&:ready)

    expect(defaults.urls).to eq(["unix://here.sock"])
    expect(defaults.stdout).to include("* Threads: 2:4 ")
    response = Support::RawClient.open(path: defaults.path("here.sock")) { |client| client.fetch("GET", "/api/notes") }
    expect(response).to have_attributes(status: 200, body: "[]")
    expect(Integer(File.read(pid_file(defaults)))).to eq(defaults.pid)
    expect(given.urls).to all(start_with("http://"))
    expect(given.stdout).to include("* Threads: 2:4 ")
  end

  {"apps" => 0o755, "apps_puma" => 0o644}.each do |bundle, mode|
    it "begins anew when tmp/restart.txt is touched, and by USR2, and refuses nobody (bundle #{bundle}; " \
       "bin/rails of mode #{mode.to_s(8)})" do
      rackup = <<~RUBY
        require_relative "config/environment"
        File.write("begun", "x", mode: "a")
        begun = File.size("begun").to_s
        map("/begun") { run ->(_env) { [200, {}, [begun]] } }
        run Rails.application
      RUBY
      files = {"config/puma.rb" => "plugin :tmp_restart\nthreads 3\n", "config.ru" => rackup, "tmp/restart.txt" => ""}
      app = rails_server("-p", "0", bundle: bundle, files: files).ready
      port = app.port
      File.chmod(mode, app.path("bin/rails"))
      clients = Array.new(2) { Support::Hammer.new(port, "/begun") }
      begun = -> { Support::RawClient.open(port) { |client| client.fetch("GET", "/begun").body } }
      expect(begun.call).to eq("1")
      File.utime(Time.now + 1, Time.now + 1, app.path("tmp/restart.txt"))
      wait_until("the second program", patience: 120) { begun.call == "2" }
      app.signal("USR2")
      wait_until("the third program", patience: 120) { begun.call == "3" }

      expect(clients.flat_map(&:stop).uniq).to eq(%w[1 2 3])
      expect(get(app, "/notes")).to have_attributes(code: "200")
      expect(Integer(File.read(pid_file(app)))).to eq(app.pid)
      app.signal("TERM")
      expect(exit_status(app)).to eq(0)
      expect(File.exist?(pid_file(app))).to be(false)
    end
  end

  it "becomes a daemon, and leaves no pid file when TERM ends it" do
    files = {"config/hyperion.rb" => "bind 'unix://here.sock'\n"}
    app = rails_server("-d", "-P", "daemon.pid", files: files)
    expect(exit_status(app, patience: 120)).to eq(0)
    wait_for_socket(app.path("here.sock"), patience: 120)
    pid = Integer(File.read(app.path("daemon.pid")))
    response = Support::RawClient.open(path: app.path("here.sock")) { |client| client.fetch("GET", "/notes") }
    expect(response.status).to eq(200)

    Process.kill("TERM", pid)
    wait_until("its end") { !File.exist?(app.path("daemon.pid")) }
  ensure
    end_daemon(app, pid)
  end

  # Nobody's child: without a wait there is only a look.
  def end_daemon(app, pid)
    return unless pid

    wait_until("the daemon to be gone") { !File.exist?("/proc/#{pid}/exe") || !inside?(app, pid) }
  rescue RuntimeError
    Process.kill("KILL", pid)
    raise
  end

  def inside?(app, pid)
    File.readlink("/proc/#{pid}/cwd").start_with?(File.realpath(app.folder))
  rescue Errno::ENOENT
    false
  end
end
