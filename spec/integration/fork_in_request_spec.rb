# frozen_string_literal: true

require "timeout"
require "tmpdir"

# The servers run in a process of their own, for a child that an application forks inherits what its parent has: here
# that would be the test suite with its at_exit hooks.
RSpec.describe "applications that fork" do
  lib = File.expand_path("../../lib", __dir__)

  # Starts a server process whose application is the Ruby text `app` (of a lambda that takes env).
  def start_process(app)
    @folder = Dir.mktmpdir
    script = <<~RUBY
      require "hyperion"
      FOLDER = #{@folder.inspect}
      def note(name, text = "x") = File.write(File.join(FOLDER, name), text)
      at_exit { note("at_exit_\#{Process.pid}") }
      app = #{app}
      server = Hyperion::Server.new(app: ->(env) { env["PATH_INFO"] == "/ok" ? [200, {}, ["ok"]] : app.call(env) },
                                    port: 0, min_threads: 2, max_threads: 2, log_requests: false).start
      note("port.tmp", server.port.to_s)
      File.rename(File.join(FOLDER, "port.tmp"), File.join(FOLDER, "port"))
      $stdin.read # until the test closes it
      server.stop(1)
    RUBY
    @log = File.join(@folder, "log")
    @stdin, writer = IO.pipe
    @pid = Process.spawn(RbConfig.ruby, "-I", LIB, "-e", script, in: @stdin, out: @log, err: %i[child out])
    @stdin.close
    @stdin = writer
    wait_until("the server process") { File.exist?(File.join(@folder, "port")) }
    @port = Integer(File.read(File.join(@folder, "port")))
  end

  before { stub_const("LIB", lib) }

  after do
    @stdin&.close
    end_process if @pid
  end

  def end_process
    Timeout.timeout(20) { Process.wait2(@pid).last }
  rescue Timeout::Error
    Process.kill(:KILL, @pid)
    Process.wait(@pid)
    raise
  ensure
    @pid = nil
  end

  def get(path = "/")
    Support::RawClient.open(@port) { |client| client.fetch("GET", path) }
  end

  def noted(name)
    wait_until(name) { File.exist?(File.join(@folder, name)) && !File.empty?(File.join(@folder, name)) }
    File.read(File.join(@folder, name))
  end

  # One answer to the client, and only one; the server serves on with all threads.
  def expect_served(body)
    Support::RawClient.open(@port) do |client|
      expect(client.fetch).to have_attributes(status: 200, body: body)
      expect(client.readable?(0.2)).to be(false) # a second answer
      expect(client.fetch("GET", "/ok").body).to eq("ok")
    end
    4.times { expect(get("/ok").body).to eq("ok") }
  end

  it "with a block: the child ends, the parent answers" do
    start_process(<<~RUBY)
      lambda do |env|
        pid = fork { note("child", Process.pid.to_s) }
        [200, {}, [Process.wait2(pid).last.exitstatus.to_s]]
      end
    RUBY
    expect_served("0")
    expect(noted("child")).not_to eq(@pid.to_s)
  end

  {"exit" => ["exit 3", 3], "exit!" => ["exit!(4)", 4], "a return" => ["next [200, {}, ['from the child']]", 0],
   "an exception" => ["raise 'child'", 1], "a kill of its thread" => ["Thread.current.kill", 0],
   "abort" => ["abort", 1]}.each do |name, (ending, status)|
    it "without a block, and the child ends with #{name}" do
      start_process(<<~RUBY)
        lambda do |env|
          if (pid = fork)
            [200, {}, [Process.wait2(pid).last.exitstatus.inspect]]
          else
            #{ending}
          end
        end
      RUBY
      expect_served(status.to_s)
      expect(Dir.children(@folder).grep(/at_exit/)).not_to be_empty unless name == "exit!"
    end
  end

  it "while a body is produced: nothing of the child's reaches the client" do
    start_process(<<~RUBY)
      lambda do |env|
        body = Enumerator.new do |out|
          out << "before "
          if (pid = fork)
            Process.wait(pid)
            out << "after"
          else
            out << "from the child"
          end
        end
        [200, {}, body]
      end
    RUBY
    expect_served("before after")
  end

  it "and use the child for what belongs to the parent: every call raises there" do
    start_process(<<~RUBY)
      lambda do |env|
        body = lambda do |stream|
          stream << "parent "
          pid = fork do
            errors = [-> { stream << "child" }, -> { stream.write("child") }, -> { env["rack.hijack"].call }]
            note("errors", errors.map { |call| call.call.inspect rescue $!.class }.join(" "))
            stream.close
            exit!(0)
          end
          Process.wait(pid)
          stream << "only"
          stream.close
        end
        [200, {}, body]
      end
    RUBY
    expect_served("parent only")
    expect(noted("errors")).to eq("IOError IOError IOError")
  end

  it "and hijack in the child: that raises, the parent answers" do
    start_process(<<~RUBY)
      lambda do |env|
        pid = fork { note("error", (env["rack.hijack"].call rescue $!.class).to_s) && exit!(0) }
        Process.wait(pid)
        [200, {}, ["answered"]]
      end
    RUBY
    expect_served("answered")
    expect(noted("error")).to eq("IOError")
  end

  it "and read the request's body in the child" do
    start_process(<<~RUBY)
      lambda do |env|
        env["rack.input"].read(1)
        pid = fork { note("body", env["rack.input"].read.bytesize.to_s) && exit!(0) }
        Process.wait(pid)
        [200, {}, [env["rack.input"].read.bytesize.to_s]]
      end
    RUBY
    Support::RawClient.open(@port) do |client|
      expect(client.fetch("POST", "/", {}, "x" * 600_000).body).to eq("599999")
    end
    expect(noted("body")).to eq("599999")
  end

  it "and become daemons in the child" do
    start_process(<<~RUBY)
      lambda do |env|
        pid = fork do
          Process.daemon(true, true)
          note("daemon", Process.pid.to_s)
        end
        Process.wait(pid)
        [200, {}, ["parent"]]
      end
    RUBY
    expect_served("parent")
    noted("daemon")
  end

  it "by system, spawn, backticks and popen" do
    start_process(<<~RUBY)
      lambda do |env|
        system("true") or raise
        Process.wait(Process.spawn("true"))
        [200, {}, [`echo shell`.chomp, IO.popen("echo popen", &:read).chomp]]
      end
    RUBY
    expect_served("shellpopen")
  end

  it "and leave a child behind, which holds neither the client's connection nor the port" do
    start_process(<<~RUBY)
      lambda do |env|
        note("child", fork { sleep 60 }.to_s)
        [200, {"connection" => "close"}, ["left"]]
      end
    RUBY
    Support::RawClient.open(@port) do |client|
      expect(client.fetch.body).to eq("left")
      expect(client.closed_by_server?(5)).to be(true)
    end
    child = Integer(noted("child"))
    @stdin.close
    expect(end_process.exitstatus).to eq(0)
    expect(Process.kill(0, child)).to eq(1)
    TCPServer.new("127.0.0.1", @port).close
  ensure
    Process.kill(:KILL, child) if child
  end

  it "and end the server's own process from a child's at_exit without harm" do
    start_process(<<~RUBY)
      lambda do |env|
        pid = fork do
          ObjectSpace.each_object(Hyperion::Server) { |it| it.stop(1) }
          GC.start
          note("stopped")
        end
        [200, {}, [Timeout.timeout(10) { Process.wait2(pid).last.exitstatus.inspect }]]
      end.tap { require "timeout" }
    RUBY
    expect_served("0")
    noted("stopped")
  end
end
