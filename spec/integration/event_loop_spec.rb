# frozen_string_literal: true

require "rbconfig"

# Which event loop serves, who decides, and what of it an application's children see.
RSpec.describe "the choice of the event loop" do
  refusing = [RbConfig.ruby, File.expand_path("../support/programs/without_io_uring.rb", __dir__)]
  root = Support::HyperionProcess::ROOT
  # As HyperionProcess starts it, below a sandbox without io_uring.
  sandboxed = [*refusing, RbConfig.ruby, "-I", "#{root}/lib",
               *Gem.loaded_specs.fetch("rack").full_require_paths.flat_map { |path| ["-I", path] },
               File.join(root, "exe/hyperion")]
  none = {"HYPERION_LOOP" => nil, "HYPERION_IO_URING_ACCEPT" => nil}

  def loop_of(process)
    Support::RawClient.open(process.port) { |client| expect(client.fetch.status).to eq(200) }
    process.stdout[/for I\/O \((\w+)\)/, 1]
  end

  def usable!
    skip("io_uring: #{Support::EventLoop.io_uring}") unless Support::EventLoop.io_uring == "yes"
  end

  it "is io_uring where that works, unless somebody asks for another" do
    best = Support::EventLoop.io_uring == "yes" ? "io_uring" : "epoll"
    expect(loop_of(start_hyperion("-p", "0", env: none))).to eq(best)
    expect(loop_of(start_hyperion("-p", "0", "--loop", "auto", env: none))).to eq(best)
  end

  it "follows the flag, then HYPERION_LOOP, then HYPERION_IO_URING_ACCEPT, then the file", option: :loop do
    usable!
    file = ->(text) { {files: {"config/hyperion.rb" => text}} }
    chosen = {
      [["--loop", "io_uring"], {"HYPERION_LOOP" => "epoll", "HYPERION_IO_URING_ACCEPT" => "0"}, {}] => "io_uring",
      [["--loop", "epoll"], {"HYPERION_LOOP" => "io_uring", "HYPERION_IO_URING_ACCEPT" => "1"}, {}] => "epoll",
      [[], {"HYPERION_LOOP" => "epoll", "HYPERION_IO_URING_ACCEPT" => "1"}, {}] => "epoll",
      [[], {"HYPERION_LOOP" => "io_uring", "HYPERION_IO_URING_ACCEPT" => "0"}, {}] => "io_uring",
      [[], {"HYPERION_IO_URING_ACCEPT" => "1"}, file.call("loop 'epoll'")] => "io_uring",
      [[], {"HYPERION_IO_URING_ACCEPT" => "0"}, file.call("loop 'io_uring'")] => "epoll",
      [[], {}, file.call("loop 'io_uring'")] => "io_uring",
      [[], {}, file.call("io_uring true")] => "io_uring",
      [[], {}, file.call("io_uring false")] => "epoll"
    }
    started = chosen.map do |(flags, env, options), expected|
      [spawn_hyperion("-p", "0", *flags, env: none.merge(env), **options), expected]
    end
    started.each { |process, expected| expect(loop_of(wait_for_banner(process))).to eq(expected) }
  end

  it "is told by an embedded server, too" do
    expect(Hyperion::Server.new(app: ->(_) {}, port: 0, loop: "epoll").event_loop).to be_nil
    expect(start_server(loop: "epoll") { ok("x") }.event_loop).to eq("epoll")
    usable!
    expect(start_server(loop: "io_uring") { ok("x") }.event_loop).to eq("io_uring")
    expect { Hyperion::Server.new(app: ->(_) {}, loop: "kqueue") }
      .to raise_error(ArgumentError, /loop: "kqueue" is not allowed, expected epoll, io_uring or auto/)
  end

  context "where the kernel refuses io_uring" do
    it "fails with the reason when io_uring was asked for by name" do
      usable!
      flag = spawn_hyperion("-p", "0", "--loop", "io_uring", command: sandboxed, env: none)
      variable = spawn_hyperion("-p", "0", command: sandboxed, env: none.merge("HYPERION_LOOP" => "io_uring"))
      word = spawn_hyperion("-p", "0", command: sandboxed, env: none,
                                       files: {"config/hyperion.rb" => "loop :io_uring"})
      {flag => "--loop", variable => "HYPERION_LOOP", word => "config/hyperion.rb:1: loop"}.each do |process, origin|
        expect(exit_status(process)).to eq(1)
        expect(process.stderr).to eq("hyperion: #{origin}: io_uring cannot be used: a sandbox forbids it (a seccomp " \
                                     "filter, as Docker's default one, or a security module); epoll and auto can\n")
        expect(process.stdout).to eq("")
      end
    end

    it "falls back to epoll without a word when it was only preferred, or left to the server" do
      usable!
      preferring = start_hyperion("-p", "0", command: sandboxed, env: none.merge("HYPERION_IO_URING_ACCEPT" => "1"))
      automatic = start_hyperion("-p", "0", "--loop=auto", command: sandboxed, env: none)
      [preferring, automatic].each do |process|
        expect(loop_of(process)).to eq("epoll")
        expect(process.stderr).to eq("")
      end
    end

    it "says so in -V" do
      usable!
      version = run_hyperion("-V", command: sandboxed, env: none)
      expect(version.stdout).to include("io_uring: no (a sandbox forbids it (a seccomp filter, ")
    end
  end

  # What the child of a request has of the ring: descriptors, and memory that is shared with the kernel.
  context "when an application forks in a request" do
    app = <<~'RUBY'
      def look
        rings = Dir["/proc/self/fd/*"].count { |fd| File.symlink?(fd) && File.readlink(fd).include?("io_uring") }
        "#{rings} #{File.readlines("/proc/self/maps").grep(/io_uring/).size}"
      end

      run lambda { |env|
        answer = case env["PATH_INFO"]
                 when "/parent" then look
                 when "/fork"
                   reader, writer = IO.pipe
                   pid = fork { writer.write(look); writer.close; exit!(0) }
                   writer.close
                   Process.wait(pid)
                   reader.read
                 when "/system" then IO.popen(["ls", "-l", "/proc/self/fd"], &:read)
                 else "ok"
                 end
        [200, {"content-type" => "text/plain"}, [answer]]
      }
    RUBY

    it "keeps the ring to itself, and serves on" do
      usable!
      process = start_hyperion("-p", "0", "--loop", "io_uring", app: app, env: none)
      Support::RawClient.open(process.port) do |client|
        5.times do
          expect(client.fetch("GET", "/parent").body).to match(/\A[1-9]\d* [1-9]\d*\z/)
          expect(client.fetch("GET", "/fork").body).to eq("0 0")
          listed = client.fetch("GET", "/system").body
          expect(listed).to include(" 1 ->")
          expect(listed).not_to include("io_uring")
          expect(client.fetch("POST", "/ok", {}, "x" * 100_000).body).to eq("ok")
        end
      end
    end
  end
end
