# frozen_string_literal: true

require "json"

# A process with a config/puma.rb: its words and their effects.
RSpec.describe "config/puma.rb" do
  def get(process, method = "GET", path = "/", **fields)
    Support::RawClient.open(process.port) { |client| client.fetch(method, path, fields) }
  end

  # The application tells its environment, and raises when it is asked to.
  let(:app) do
    <<~RUBY
      require "json"
      HITS = []
      run(lambda do |env|
        raise ArgumentError, "on purpose" if env["PATH_INFO"] == "/raise"
        next [200, {"content-type" => "application/json"}, [Puma.stats]] if env["PATH_INFO"] == "/stats"

        about = {env: env.slice("REMOTE_ADDR", "rack.url_scheme", "REQUEST_METHOD"), thread: Thread.current[:shop],
                 fiber: Thread.current[:seen], options: Puma.cli_config.options[:max_threads]}
        Thread.current[:seen] = true
        [200, {"content-type" => "application/json"}, [JSON.generate(about)]]
      end)
    RUBY
  end

  let(:words) do
    <<~'RUBY'
      note = ->(line) { File.write("notes", "#{line}\n", mode: "a") }
      port 0
      threads 1
      workers 2
      pidfile "tmp/app.pid"
      state_path "tmp/app.state"
      tag "shop"
      set_remote_address header: "X-Real-IP"
      rack_url_scheme "https"
      supported_http_methods %w[GET POST]
      enable_keep_alives false
      fiber_per_request
      http_content_length_limit 10
      lowlevel_error_handler { |error, env| [503, {"content-type" => "text/plain"}, ["#{error.message} at #{env["PATH_INFO"]}"]] }
      before_fork { note["before_fork"] }
      on_worker_boot { |index| note["boot #{index}"] }
      on_worker_boot { raise "it fails" }
      before_worker_boot(:db) { |index, data| data[:at] = index }
      after_worker_shutdown { |worker| note["after #{worker.index}"] }
      on_worker_shutdown(:db) { |index, data| note["shutdown #{index} #{data[:at].inspect}"] }
      on_worker_fork { |index| note["fork #{index}"] }
      after_worker_fork { |index| note["forked #{index}"] }
      on_booted { note["booted"] }
      after_stopped { note["stopped"] }
      on_thread_start { Thread.current.thread_variable_set(:shop, true); note["thread"] }
      on_thread_exit { note["thread ends"] }
      plugin :tmp_restart
      nakayoshi_fork
      some_word 1
    RUBY
  end

  it "has its words in force, hooks that run once, and a warning each for what means nothing here",
     option: %i[pidfile state_path tag workers] do
    # The title of a process has the room that its command had.
    command = %w[--log-format text --log-level info]
    files = {"config/puma.rb" => words, "tmp/app.pid" => "1"}
    process = start_hyperion(*command, app: app, files: files, bundler: true)
    answer = get(process, "GET", "/", "x-real-ip" => "192.0.2.7, 10.0.0.1")
    again = JSON.parse(get(process).body)
    about = JSON.parse(answer.body)

    expect(about["env"]).to eq("REMOTE_ADDR" => "192.0.2.7", "rack.url_scheme" => "https", "REQUEST_METHOD" => "GET")
    expect(about["options"]).to eq(1)
    expect(again["fiber"]).to be_nil # a fiber each, so nothing of the request before
    expect(answer["connection"]).to eq("close")
    expect(get(process, "DELETE").status).to eq(501)
    failed = get(process, "GET", "/raise")
    expect([failed.status, failed.body]).to eq([503, "on purpose at /raise"])
    expect(Support::RawClient.open(process.port) { |one| one.fetch("POST", "/", {}, "x" * 11) }.status).to eq(413)
    expect(File.read(process.path("tmp/app.pid"))).to eq(process.pid.to_s)
    expect(File.read(process.path("tmp/app.state"))).to include("pid: #{process.pid}\n", "running_from: \"")
    expect(File.read("/proc/#{process.pid}/cmdline")).to match(/\Ahyperion .*\(http:.*\) \[shop\]/)

    process.signal("TERM")
    expect(exit_status(process)).to eq(0)
    expect(Dir.children(process.path("tmp"))).to eq(["restart.txt"])
    # Threads begin when they come to it.
    notes = File.readlines(process.path("notes"), chomp: true)
    expect(notes - ["thread"]).to eq(["before_fork", "fork 0", "boot 0", "forked 0", "booted", "thread ends",
                                      "shutdown 0 0", "after 0", "stopped"])
    expect(notes.index("thread")).to be_between(notes.index("boot 0"), notes.index("thread ends"))
    expect(process.stderr.scan(/WARN server: (.*)/).flatten)
      .to match([/nakayoshi_fork: without effect/, /some_word: no word of Puma/, /workers: this version serves in one/])
    expect(process.stderr).to match(%r{ERROR server: config/puma.rb:\d+: on_worker_boot failed: RuntimeError: it fails})
    expect(process.stderr).to match(/ERROR app: .*on purpose/)
  end

  it "has Puma.stats in the shapes that monitoring agents look for" do
    process = start_hyperion("-p", "0", "-t", "1:4", app: app, bundler: true)
    get(process)
    stats = JSON.parse(get(process, "GET", "/stats").body, symbolize_names: true)
    status = {backlog: 0, pool_capacity: 3, busy_threads: 1, max_threads: 4}

    expect(stats).to include(workers: 1, booted_workers: 1, old_workers: 0, phase: 0, **status)
    expect(stats[:running]).to be_between(1, 2)
    expect(stats[:requests_count]).to be >= 1
    expect(stats[:versions]).to include(puma: "7.1.0", hyperion: Hyperion::VERSION)
    worker = stats[:worker_status].first
    expect(worker).to include(pid: process.pid, index: 0, booted: true, phase: 0)
    expect(worker[:last_status]).to include(status)
    expect(worker[:last_status].keys).to include(:running, :requests_count)
    expect(Time.iso8601(worker[:last_checkin])).to be_within(60).of(Time.now)
  end

  it "sends standard output and error to files, and opens them again on HUP", option: :directory do
    process = spawn_hyperion(app: "", files: {"shop/x" => "", "config/puma.rb" => <<~RUBY})
      directory "shop" # where config.ru is not
      bind "unix://app.sock"
      stdout_redirect "out.log", "err.log"
      app { |env| warn "asked"; [200, {}, ["the block"]] }
    RUBY
    log = process.path("shop/out.log")
    wait_until("the banner") { File.exist?(log) && File.read(log).include?("* Process") }

    Support::RawClient.open(path: process.path("shop/app.sock")) do |client|
      expect(client.fetch.body).to eq("the block")
    end
    wait_until("the line") { File.read(log).include?("access: GET / 200") }
    File.rename(log, "#{log}.1")
    process.signal("HUP")
    wait_until("the new file") { File.exist?(log) && File.read(log).include?("HUP: open anew") }
    expect(File.read(process.path("shop/err.log"))).to eq("asked\n")
    expect(process.stdout).to eq("")
  end

  it "is told apart by its name, and gives way to config/hyperion.rb" do
    process = run_hyperion("--check-config", "-C", "config/mine.rb",
                           files: {"config/mine.rb" => "port 1\nstdout_redirect\n", "config/puma.rb" => "port 2"})
    own = run_hyperion("--check-config", files: {"config/hyperion.rb" => "port 3", "config/puma.rb" => "port 2"})
    wrong = run_hyperion("--check-config", files: {"config/puma.rb" => "bind 'ssl://0.0.0.0:9292?key=a'"})

    expect(process.stdout).to match(%r{^port\s+1\s+config/mine.rb:1: port$})
    expect(own.stdout).to match(%r{^port\s+3\s+config/hyperion.rb})
    expect(wrong.stderr).to match(%r{\Ahyperion: config/puma.rb:1: bind: "ssl://.*TLS is not in this build})
    expect(wrong.status.exitstatus).to eq(1)
    unwritable = run_hyperion("-p", "0", "--pidfile", "/proc/none/app.pid")
    expect(unwritable.stderr).to match(%r{\Ahyperion: --pidfile: cannot write /proc/none/app.pid: no such file})
    expect(unwritable.status.exitstatus).to eq(1)
  end
end
