# frozen_string_literal: true

# A process that becomes a new one of the same command: by plugin :tmp_restart, or by USR2.
RSpec.describe "a restart" do
  # Says how often the program has begun in this process, and what it knows of itself.
  let(:app) do
    <<~RUBY
      File.write("begun", "x", mode: "a")
      BEGUN = File.size("begun")
      File.write("sockets", ENV["HYPERION_LISTENING_SOCKETS"].inspect)
      at_exit { File.write("left", "") }
      run(lambda do |env|
        case env["PATH_INFO"]
        when "/slow"
          File.write("in", "")
          sleep 0.01 until File.exist?("go")
        when "/about"
          about = [Process.pid, Dir.pwd, ARGV, ENV["SHOP"], ENV["RACK_ENV"], $0].inspect
          next [200, {"content-type" => "text/plain"}, [about]]
        end
        [200, {"content-type" => "text/plain"}, [BEGUN.to_s]]
      end)
    RUBY
  end

  def get(process, path = "/", **where)
    Support::RawClient.open(*(where.empty? ? process.port : nil), **where) { |client| client.fetch("GET", path) }
  end

  def wait_for_program(process, number)
    wait_until("program #{number}") do
      raise "it ended: #{process.stderr}" if process.status

      get(process).body == number.to_s
    end
  end

  it "by tmp/restart.txt refuses nobody, and finishes what is in flight; the rest is as it was" do
    files = {"config/puma.rb" => "plugin :tmp_restart\nthreads 3\nenvironment 'staging'", "tmp/restart.txt" => ""}
    process = start_hyperion("-p", "0", "-b", "unix://app.sock", "-b", "127.0.0.1",
                             app: app, files: files, env: {"SHOP" => "open"}, bundler: true)
    before = get(process, "/about").body
    clients = Array.new(3) { Support::Hammer.new(process.port) }
    slow = Support::RawClient.new(process.port).request("GET", "/slow")
    wait_until("the slow request") { File.exist?(process.path("in")) }
    File.utime(Time.now + 1, Time.now + 1, process.path("tmp/restart.txt"))
    wait_until("the restart") { process.stdout.include?("restart: restarting as") }
    expect(slow.readable?(0.05)).to be(false)
    process.write("go", "")

    expect(slow.read_response.body).to eq("1")
    wait_for_program(process, 2)
    expect(clients.flat_map(&:stop).uniq).to eq(%w[1 2])
    expect(get(process, "/about").body).to eq(before)
    expect(before).to include(%("open", "staging"))
    expect(get(process, path: process.path("app.sock")).body).to eq("2")
    # Nothing of it is left for what the application starts, and the old program's at_exit did not run.
    expect(File.read(process.path("sockets"))).to eq("nil")
    expect(File.exist?(process.path("left"))).to be(false)

    process.signal("TERM")
    expect(exit_status(process)).to eq(0)
    expect(File.exist?(process.path("app.sock"))).to be(false)
    expect(process.stderr).to eq("")
  end

  it "by USR2, again and again, binds what is new and gives up what is configured no more" do
    process = start_hyperion(app: app, files: {"config/hyperion.rb" => "bind 'tcp://127.0.0.1:0'\npidfile 'a.pid'"})
    kept = process.port
    process.signal("USR2")
    wait_for_program(process, 2)
    process.write("config/hyperion.rb", "bind 'unix://b.sock'\npidfile 'b.pid'")
    process.signal("USR2")
    wait_until("the other address") { File.exist?(process.path("b.pid")) && !File.empty?(process.path("b.pid")) }

    expect(get(process, path: process.path("b.sock")).body).to eq("3")
    expect { TCPSocket.new("127.0.0.1", kept) }.to raise_error(Errno::ECONNREFUSED)
    expect(File.read(process.path("b.pid"))).to eq(process.pid.to_s)
  end

  it "by USR2 of a program that passes its own command, as Rails does" do
    library = Rack.release.start_with?("2.") ? "rack" : "rackup"
    lib = "#{Support::HyperionProcess::ROOT}/lib"
    main = <<~RUBY
      require "#{library}/handler/hyperion"
      #{library.capitalize}::Handler::Hyperion.run(
        ->(env) { [200, {"content-type" => "text/plain"}, [ARGV.inspect]] },
        Port: 0, Host: "127.0.0.1", user_supplied_options: [], restart_cmd: "#{RbConfig.ruby} -I #{lib} main.rb first --restart"
      )
    RUBY
    process = start_hyperion("main.rb", "first", command: [RbConfig.ruby, "-I", lib], files: {"main.rb" => main},
                                                 bundler: true)
    expect(get(process).body).to eq('["first"]')
    process.signal("USR2")

    wait_until("the new program") { get(process).body == '["first", "--restart"]' }
    process.signal("TERM")
    expect(exit_status(process)).to eq(0)
  end

  it "gives way to a stop, and ends the process when there is no new program" do
    stopped = start_hyperion("-p", "0", "-b", "unix://app.sock", app: app)
    lost = start_hyperion(app: app, files: {"config/puma.rb" => "port 0\nrestart_command '/no/such/program'"})
    slow = Support::RawClient.new(path: stopped.path("app.sock")).request("GET", "/slow")
    wait_until("the slow request") { File.exist?(stopped.path("in")) }
    stopped.signal("USR2")
    lost.signal("USR2")
    wait_until("the restart") { stopped.stdout.include?("USR2: restarting as") }
    stopped.signal("TERM")
    stopped.write("go", "")

    expect(slow.read_response.body).to eq("1")
    expect(exit_status(stopped)).to eq(0)
    expect(File.read(stopped.path("begun"))).to eq("x")
    expect(File.exist?(stopped.path("app.sock"))).to be(false)
    expect(exit_status(lost)).to eq(1)
    expect(lost.stderr).to match(/FATAL server: cannot restart: No such file.*; the process ends/)
  end
end
