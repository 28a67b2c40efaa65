# frozen_string_literal: true

require "fileutils"

# bin/setup and bin/serve around a build: a checkout with a bundler that only pretends, so that nothing is compiled.
RSpec.describe "bin/setup" do
  # Builds for as long as there is no file "go", and fails where there is one "broken".
  let(:bundler) { <<~SHELL }
    #!/bin/sh
    case "$*" in
    "exec rake compile")
      [ ! -e broken ] || { echo "what a compiler says"; exit 1; }
      echo $$ >>builds
      until [ -e go ]; do sleep 0.01; done
      mkdir -p tmp/ext/plain/machine/hyperion_http/#{RUBY_VERSION}
      touch tmp/ext/plain/machine/hyperion_http/#{RUBY_VERSION}/hyperion_http.so ;;
    "exec ruby"*) shift 5; echo "serving ${HYPERION_RACKUP:-nothing} $*" ;;
    esac
  SHELL

  def checkout(*arguments, program: "serve", files: {})
    root = Support::HyperionProcess::ROOT
    bin = %w[serve setup].to_h { |name| ["bin/#{name}", File.read(File.join(root, "bin", name))] }
    process = spawn_hyperion(app: nil, files: {**bin, "fake/bundle" => bundler, "ext/a.cpp" => "", **files},
                             command: ["true"])
    FileUtils.chmod(0o755, %w[bin/serve bin/setup fake/bundle].map { |name| process.path(name) })
    start(process, *arguments, program: program)
  end

  # One more program in the same folder.
  def start(process, *arguments, program: "serve", path: ENV.fetch("PATH"))
    out = process.path("out#{@count = @count.to_i + 1}")
    env = {"PATH" => "#{process.path("fake")}:#{path}", "BUNDLE_GEMFILE" => nil,
           "RUBYOPT" => nil, "RUBYLIB" => nil}
    pid = Process.spawn(env, process.path("bin/#{program}"), *arguments,
                        chdir: process.folder, in: File::NULL, %i[out err] => out)
    (@spawned ||= []) << pid
    [process, pid, out]
  end

  after { @spawned&.each { |pid| Process.kill("KILL", pid) && Process.wait(pid) if running?(pid) } }

  def running?(pid)
    !Process.wait2(pid, Process::WNOHANG)
  rescue Errno::ECHILD
    false
  end

  def builds(process)
    File.exist?(process.path("builds")) ? File.readlines(process.path("builds")).map(&:to_i) : []
  end

  def ended(pid)
    wait_until("its end") { @ended = Process.wait2(pid, Process::WNOHANG) }
    @ended.last.exitstatus
  end

  # What this machine's PATH has, but for one program.
  def without(program, folder)
    FileUtils.mkdir(folder)
    ENV.fetch("PATH").split(":").reverse_each do |place|
      programs = Dir.children(place) - [program]
      FileUtils.ln_sf(programs.map { |name| File.join(place, name) }, folder)
    rescue Errno::ENOENT
      next
    end
    folder
  end

  it "without root prints the one line that installs what is missing" do
    fakes = {"fake/id" => "#!/bin/sh\necho 1000\n", "fake/apt-get" => "#!/bin/sh\ntouch installed\n"}
    process, first, = checkout(files: {"go" => "", **fakes})
    ended(first)
    FileUtils.chmod(0o755, fakes.keys.map { |name| process.path(name) })
    _, pid, out = start(process, path: without("make", process.path("bare")))
    expect(ended(pid)).to eq(1)
    expect(File.read(out)).to match(/^  sudo apt-get update && sudo apt-get install -y --no-install-recommends make$/)
    expect(File.exist?(process.path("installed"))).to be(false)
  end

  it "says that it compiles, and nothing when there is nothing to do" do
    process, pid, out = checkout(files: {"go" => ""})
    expect(ended(pid)).to eq(0)
    expect(File.readlines(out))
      .to eq(["Compiling the extension (a minute or two)\n", "serving #{process.path("demo/config.ru")} \n"])

    _, pid, out = start(process, "setup")
    expect(ended(pid)).to eq(0)
    expect(File.read(out)).not_to include("Compiling")
  end

  it "ends the build when it is told to end itself" do
    process, pid, out = checkout
    wait_until("the build") { builds(process).any? }
    Process.kill("TERM", pid)

    expect(ended(pid)).to eq(143)
    expect { Process.kill(0, builds(process).first) }.to raise_error(Errno::ESRCH)
    expect(File.read(out)).not_to include("serving")
  end

  it "waits for the build of another, and builds once at a time" do
    process, first, = checkout
    wait_until("the build") { builds(process).any? }
    _, second, out = start(process)
    wait_until("the second one's word") { File.read(out).include?("Another build is under way") }
    expect(builds(process).size).to eq(1)
    process.write("go", "")

    expect([ended(first), ended(second)]).to eq([0, 0])
    expect(File.read(out)).to match(/^serving/)
  end

  it "ends a build that fails with a line that says where to read on" do
    process, pid, out = checkout(files: {"broken" => ""})

    expect(ended(pid)).to eq(1)
    log = File.join(File.realpath(process.folder), "tmp/setup.log")
    expect(File.readlines(out).drop(1))
      .to eq(["what a compiler says\n", "The extension could not be compiled; #{log} has what the compiler said.\n"])
  end

  it "serves the demo only where nothing says otherwise" do
    files = {"go" => ""}
    [[%w[-p 1], {}, true], [%w[--directory shop], {}, false], [%w[-p 1], {"config.ru" => ""}, false],
     [%w[-p 1], {"config/puma.rb" => ""}, false]].each do |arguments, more, demo|
      process, pid, out = checkout(*arguments, files: {**files, **more})
      expect(ended(pid)).to eq(0)
      rackup = demo ? process.path("demo/config.ru") : "nothing"
      expect(File.read(out)).to end_with("serving #{[rackup, *arguments].join(" ")}\n")
    end
  end
end
