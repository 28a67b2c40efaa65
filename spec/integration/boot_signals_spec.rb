# frozen_string_literal: true

# Signals that come before the process serves: while the application is loaded, and while one program becomes another.
RSpec.describe "a signal before the process serves" do
  # The file "begun" grows with each program; each waits for its file go1, go2, ...
  let(:app) do
    <<~RUBY
      File.write("begun", "x", mode: "a")
      number = File.size("begun")
      sleep 0.01 until File.exist?("go\#{number}")
      run ->(env) { [200, {"content-type" => "text/plain"}, [number.to_s]] }
    RUBY
  end
  let(:bind) { ["-b", "unix://app.sock"] }

  def wait_for_boot(process, number)
    wait_until("program #{number} to begin") do
      raise "it ended: #{process.stderr}" if process.status

      File.size?(process.path("begun")) == number
    end
  end

  def wait_for_program(process, number)
    wait_until("program #{number}") do
      raise "it ended: #{process.stderr}" if process.status

      get(process) == number.to_s
    end
  end

  def get(process)
    Support::RawClient.open(path: process.path("app.sock")) { |client| client.fetch("GET", "/").body }
  rescue Errno::ENOENT, Errno::ECONNREFUSED
    nil
  end

  # How often standard output says that it restarts.
  def restarts(process)
    process.stdout.scan(": restarting as").size
  end

  # What comes after everything that was sent before.
  def hang_up(process)
    lines = process.stdout.scan("HUP: no log file").size
    process.signal("HUP")
    wait_until("HUP's line") { process.stdout.scan("HUP: no log file").size > lines }
  end

  it "waits until it does: HUP and USR1 change nothing, nor do TTIN and TTOU" do
    process = spawn_hyperion(*bind, app: app)
    wait_for_boot(process, 1)
    %w[HUP USR1 TTIN TTOU].each { |name| process.signal(name) }
    process.write("go1", "")

    wait_for_program(process, 1)
    wait_until("HUP's line") { process.stdout.include?("HUP: no log file to open anew") }
    wait_until("the others' lines") { process.stderr.scan(/WARN server: (USR1|TTIN|TTOU): no workers/).size == 3 }
    expect(restarts(process)).to eq(0)
  end

  it "restarts once with USR2, however often it came" do
    process = spawn_hyperion(*bind, app: app)
    wait_for_boot(process, 1)
    2.times { process.signal("USR2") }
    %w[go1 go2].each { |name| process.write(name, "") }

    wait_for_program(process, 2)
    hang_up(process)
    expect(restarts(process)).to eq(1)
  end

  it "does not end a restart: HUP, USR1, another USR2, a touched file" do
    files = {"config/puma.rb" => "plugin :tmp_restart\npidfile 'a.pid'", "tmp/restart.txt" => "", "go1" => ""}
    process = start_hyperion(*bind, app: app, files: files)
    2.times { process.signal("USR2") }
    wait_for_boot(process, 2)
    %w[HUP USR1].each { |name| process.signal(name) }
    process.write("go2", "")
    wait_for_program(process, 2)
    wait_until("HUP's line") { process.stdout.include?("HUP: no log file") }
    expect(restarts(process)).to eq(1)

    File.utime(Time.now + 1, Time.now + 1, process.path("tmp/restart.txt"))
    wait_for_boot(process, 3)
    process.signal("USR2")
    %w[go3 go4].each { |name| process.write(name, "") }
    wait_for_program(process, 4)
    hang_up(process)
    expect(File.read(process.path("a.pid"))).to eq(process.pid.to_s)
    process.signal("TERM")
    expect(exit_status(process)).to eq(0)
    expect(Dir.children(process.folder)).not_to include("app.sock", "a.pid")
  end

  # A shell stands between the programs: as the new one's interpreter it has no handlers of ours.
  it "is ignored from one program's last moment to the next one's first" do
    files = {"go1" => "", "go2" => "", "again" => <<~SHELL, "config/puma.rb" => "restart_command 'sh again'"}
      touch between
      until [ -e onward ]; do sleep 0.01; done
      exec "$RUBY" -I "$LIB" -I "$RACK" "$LIB/../exe/hyperion" "$@"
    SHELL
    env = {"RUBY" => RbConfig.ruby, "LIB" => "#{Support::HyperionProcess::ROOT}/lib",
           "RACK" => Gem.loaded_specs.fetch("rack").full_require_paths.first}
    process = start_hyperion(*bind, app: app, files: files, env: env)
    process.signal("USR2")
    wait_until("the shell") { File.exist?(process.path("between")) }
    %w[HUP USR1 USR2 TTIN TTOU].each { |name| process.signal(name) }
    process.write("onward", "")

    wait_for_program(process, 2)
    hang_up(process)
    expect(restarts(process)).to eq(1)
  end

  it "does not end the restart of a program that is somebody else's, as Rails' is" do
    library = Rack.release.start_with?("2.") ? "rack" : "rackup"
    main = <<~RUBY
      File.write("begun", "x", mode: "a")
      number = File.size("begun")
      sleep 0.01 until File.exist?("go\#{number}")
      require "#{library}/handler/hyperion"
      app = ->(env) { [200, {"content-type" => "text/plain"}, [number.to_s]] }
      #{library.capitalize}::Handler::Hyperion.run(app, bind: "unix://app.sock")
    RUBY
    process = start_hyperion("main.rb", command: [RbConfig.ruby, "-I", "#{Support::HyperionProcess::ROOT}/lib"],
                                        files: {"main.rb" => main, "go1" => ""}, bundler: true)
    process.signal("USR2")
    wait_for_boot(process, 2)
    %w[HUP USR1 USR2].each { |name| process.signal(name) }
    process.write("go2", "")

    wait_for_program(process, 2)
    hang_up(process)
    expect(restarts(process)).to eq(1)
  end

  it "is the application's when it takes the signal, and by default what its children know" do
    app = <<~RUBY
      File.write("begun", "x", mode: "a")
      trap("USR1") { File.write("usr1", "") }
      children = IO.popen("cat /proc/self/status", &:read)[/SigIgn:\\s*(\\h+)/, 1].hex
      forked = fork { sleep }
      Process.kill("USR2", forked)
      ended = Process.wait2(forked).last.termsig
      run ->(env) { [200, {"content-type" => "text/plain"}, [[File.size("begun"), children & 0x300a01, ended].inspect]] }
    RUBY
    process = start_hyperion(*bind, app: app)
    expect(get(process)).to eq("[1, 0, 12]")
    process.signal("USR2")
    wait_until("the new program") { get(process) == "[2, 0, 12]" }
    process.signal("USR1")

    wait_until("the application's handler") { File.exist?(process.path("usr1")) }
    expect(process.stderr).to eq("")
  end

  it "is the terminal's on a terminal: TTIN stops the process, CONT lets it go on" do
    require "pty"
    PTY.open do |_, terminal|
      # In a process group of its own: in an orphaned one, which a group without a shell is, the kernel stops nobody.
      process = start_hyperion(*bind, app: app, files: {"go1" => ""}, options: {in: terminal, pgroup: true})
      process.signal("TTIN")
      wait_until("the halt") { File.read("/proc/#{process.pid}/stat")[/\) T /] }
      process.signal("CONT")

      expect(get(process)).to eq("1")
    end
  end
end
