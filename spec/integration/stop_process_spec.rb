# frozen_string_literal: true

RSpec.describe "the end of a process" do
  # /wait answers once the file "go" is there, after it has made the file "in".
  def waiting_app
    <<~RUBY
      at_exit { File.write("left", "by at_exit") }
      run(lambda do |env|
        if env["PATH_INFO"] == "/wait"
          File.write("in", "")
          sleep 0.01 until File.exist?("go")
        end
        [200, {}, ["served"]]
      end)
    RUBY
  end

  # A process with one request inside the application.
  def start_busy(*arguments, app: waiting_app, path: "/wait")
    process = start_hyperion("-p", "0", *arguments, app: app)
    client = Support::RawClient.new(process.port).request("GET", path)
    wait_until("the request") { File.exist?(process.path("in")) }
    [process, client]
  end

  def refused?(process)
    TCPSocket.new("127.0.0.1", process.port).close
    false
  rescue Errno::ECONNREFUSED
    true
  end

  def stopping?(process)
    wait_until("the listener to close") { refused?(process) }
    !process.status
  end

  it "comes at once with TERM, INT or QUIT when nothing is under way, with status 0" do
    processes = %w[TERM INT QUIT].map { |name| [name, start_hyperion("-p", "0", app: waiting_app)] }
    kept = processes.map { |_, process| Support::RawClient.new(process.port) }
    kept.each { |client| expect(client.fetch.status).to eq(200) }

    processes.each do |name, process|
      asked = monotonic
      process.signal(name)
      expect(exit_status(process)).to eq(0)
      expect(monotonic - asked).to be < 1
      expect(File.read(process.path("left"))).to eq("by at_exit")
      expect(process.stdout).to match(/INFO server: #{name}: stopping/)
      expect(process.stderr).to eq("")
    end
    expect(kept.map(&:read_all)).to all(eq(""))
  end

  it "waits for the request in flight, whatever TERMs follow" do
    process, client = start_busy
    idle = Support::RawClient.new(process.port).tap(&:fetch)
    process.signal("TERM")
    expect(stopping?(process)).to be(true)
    expect(idle.read_all).to eq("")
    3.times { process.signal("TERM") }
    2.times { process.signal("INT") } # close to each other: one wish
    expect(process.status).to be_nil

    process.write("go", "")
    response = client.read_response
    expect(response).to have_attributes(status: 200, body: "served")
    expect(response["connection"]).to eq("close")
    expect(exit_status(process)).to eq(0)
  end

  it "comes at once with QUIT, or an INT a second after the first, whatever is in flight" do
    quit, quit_client = start_busy
    interrupted, = start_busy
    asked = monotonic
    quit.signal("TERM")
    interrupted.signal("INT")
    [quit, interrupted].each { |process| expect(stopping?(process)).to be(true) }

    quit.signal("QUIT")
    expect(exit_status(quit)).to eq(0)
    expect(quit_client.read_response.status).to eq(500)
    expect(File.exist?(quit.path("left"))).to be(true)

    wait_until("a second") { monotonic - asked > 1.1 }
    expect(interrupted.status).to be_nil
    interrupted.signal("INT")
    expect(exit_status(interrupted)).to eq(0)
    expect(monotonic - asked).to be < 10
  end

  it "cuts requests off after the graceful time-out, and not earlier; at_exit runs", option: :graceful_timeout do
    process, client = start_busy("--graceful-timeout", "1s")
    asked = monotonic
    process.signal("TERM")

    expect(client.read_response.status).to eq(500)
    expect(exit_status(process)).to eq(0)
    expect(monotonic - asked).to be_between(1, 6)
    expect(process.stderr).to match(/WARN server: requests that did not finish in time are cut off: 1/)
    expect(File.exist?(process.path("left"))).to be(true)
  end

  it "comes by force when a thread hangs in native code, with the lock or without, or at_exit hangs" do
    native = <<~RUBY
      require "fiddle"
      LOCKED = Fiddle::Function.new(Fiddle::Handle::DEFAULT["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true)
      UNLOCKED = Fiddle::Function.new(Fiddle::Handle::DEFAULT["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT)
      run(lambda do |env|
        File.write("in", "")
        (env["PATH_INFO"] == "/locked" ? LOCKED : UNLOCKED).call(1000)
        [200, {}, []]
      end)
    RUBY
    cases = {
      locked: start_busy("--graceful-timeout", "200ms", app: native, path: "/locked"),
      unlocked: start_busy("--graceful-timeout", "200ms", app: native, path: "/unlocked"),
      at_exit: [start_hyperion("-p", "0", app: "at_exit { sleep 1000 }\n#{waiting_app}")],
      hook: [start_hyperion("-p", "0", files: {"config/hyperion.rb" => "on_worker_shutdown { sleep 1000 }"})],
      urgent: start_busy("--graceful-timeout", "off", app: native, path: "/locked")
    }.transform_values(&:first)
    asked = monotonic
    cases.each { |name, process| process.signal(name == :urgent ? "QUIT" : "TERM") }

    cases.each_value do |process|
      expect(exit_status(process)).to eq(1)
      expect(process.stderr).to match(/FATAL server: the process did not end in time .*: ended by force/)
    end
    expect(monotonic - asked).to be_between(5, 15)
  end

  it "does not come with HUP or USR1, which are logged; the application's own handlers stay" do
    process = start_hyperion("-p", "0", app: "trap('USR2') { File.write('usr2', '') }\n#{waiting_app}")
    %w[HUP USR1 USR2].each { |name| process.signal(name) }

    wait_until("HUP's line") { process.stdout.include?("INFO server: HUP: no log file to open anew") }
    wait_until("USR1's line") { process.stderr.match?(/WARN server: USR1: .* USR2 restarts/) }
    wait_until("the handler") { File.exist?(process.path("usr2")) }
    expect(process.stdout).not_to include("USR2")
    expect(Support::RawClient.new(process.port).fetch.status).to eq(200)
  end

  it "comes with TERM although the application took the signal while it was loaded" do
    process = start_hyperion("-p", "0", app: "trap('TERM') { }\ntrap('INT', 'IGNORE')\n#{waiting_app}")
    process.signal("TERM")

    expect(exit_status(process)).to eq(0)
  end

  it "is no business of a child that the application forked, nor is the child's the process's" do
    app = <<~RUBY
      run(lambda do |env|
        child = fork { sleep 1000 }
        Process.detach(child)
        [200, {}, [child.to_s]]
      end)
    RUBY
    process = start_hyperion("-p", "0", app: app)
    serve = -> { Integer(Support::RawClient.new(process.port).fetch.body) }
    children = [serve.call, serve.call]
    Process.kill("TERM", children.first)
    wait_until("the child's end") { !alive?(children.first) }
    children << serve.call

    process.signal("TERM")
    expect(exit_status(process)).to eq(0)
    # Each lets go of the listener when it first runs, which may be later than the end of the process.
    wait_until("nobody to hold the listener") { refused?(process) }
    expect(children.map { |child| alive?(child) }).to eq([false, true, true])
  ensure
    children&.each { |child| alive?(child) && Process.kill("KILL", child) }
  end

  it "is clean while the application is loaded" do
    slow = "File.write('loading', '')\nsleep 100"
    processes = %w[INT TERM].to_h { |name| [name, spawn_hyperion(app: slow)] }
    processes.each do |name, process|
      wait_until("the application's first line") { File.exist?(process.path("loading")) }
      process.signal(name)

      expect(exit_status(process)).to eq(0)
      expect(process.stderr).to eq("hyperion: stopped by SIG#{name} before it served\n")
    end
  end

  it "loses no request that was accepted" do
    process = start_hyperion("-p", "0", app: <<~RUBY)
      run ->(env) { sleep 0.002; [200, {}, ["x" * 20_000]] }
    RUBY
    counts = Array.new(4) { |number| Thread.new { keep_asking(process.port, keep: number.even?) } }
    wait_until("some load") { process.stdout.scan(" access: ").size > 50 }
    process.signal("TERM")
    outcomes = counts.flat_map(&:value)

    expect(exit_status(process)).to eq(0)
    # A request that was read completely has a line in the log, and its client has the whole response.
    lines = process.stdout.scan(%r{ access: GET / (\d+) }).flatten
    expect(lines.tally.keys).to eq(["200"])
    expect(outcomes.count { |outcome| outcome.start_with?("served") }).to eq(lines.size)
    expect(outcomes).not_to include(:cut)
    expect(lines.size).to be > 50
  end

  # One client: a request after the other, on one connection or on a new one each, until none is accepted any more.
  # @return [Array<Symbol>] what became of each
  def keep_asking(port, keep:)
    outcomes = []
    client = nil
    until outcomes.last == :refused
      client ||= Support::RawClient.new(port)
      outcomes << ask(client)
      client = nil unless keep && outcomes.last == :served
    end
    outcomes
  rescue Errno::ECONNREFUSED
    outcomes << :refused
  end

  def ask(client)
    response = client.fetch
    return :cut if response.status != 200 || response.body.bytesize != 20_000

    response["connection"] == "close" ? :served_last : :served
  rescue Support::RawClient::Truncated => error
    error.message == "closed after " ? :unread : :cut
  rescue Errno::EPIPE, Errno::ECONNRESET
    :unread
  end

  def alive?(pid)
    !File.read("/proc/#{pid}/stat")[/\) Z /]
  rescue Errno::ENOENT, Errno::ESRCH
    false
  end
end
