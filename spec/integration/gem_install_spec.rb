# frozen_string_literal: true

require "bundler"
require "open3"
require "rubygems/package"
require "tmpdir"

# What a user gets: the gem is built, installed into an empty GEM_HOME, and serves a folder that is not this checkout.
# As on a machine without liburing; `rake compile` builds with it.
RSpec.describe "the gem", :build, patience: 900 do
  root = Support::HyperionProcess::ROOT

  # Bundler's variables would show the installed gem this checkout's gems.
  def run(environment, *command, chdir: @folder)
    output, status = Bundler.with_unbundled_env { Open3.capture2e(environment, *command, chdir: chdir) }
    raise "#{command.join(" ")}: #{output}" unless status.success?

    output
  end

  # Rack's package as Bundler has kept it, so that no network is needed; its name for RubyGems otherwise.
  def rack
    package = Gem.loaded_specs.fetch("rack").cache_file
    File.exist?(package) ? package : "rack:#{Gem.loaded_specs.fetch("rack").version}"
  end

  before(:all) do
    @folder = Dir.mktmpdir("hyperion gem")
    @package = File.join(@folder, "hyperion.gem")
    @home = {"GEM_HOME" => File.join(@folder, "home"), "GEM_PATH" => File.join(@folder, "home"), "MAKEFLAGS" => "-j2",
             "HYPERION_SANITIZE" => nil, "HYPERION_DEBUG" => nil, "HYPERION_LIBURING" => "0",
             "RUBYOPT" => nil, "RUBYLIB" => nil}
    run(@home, "gem", "build", "hyperion-rb.gemspec", "--output", @package, chdir: root)
    run(@home, "gem", "install", "--no-document", rack)
    @said = run(@home, "gem", "install", "--local", "--no-document", "--verbose", @package)
  end

  after(:all) { FileUtils.remove_entry(@folder) }

  let(:extension) { Dir[File.join(@folder, "home/gems/hyperion-rb-*/lib/hyperion/hyperion_http.so")].first }

  it "serves an application in another folder, and ends with 0 after TERM" do
    process = start_hyperion("-p", "0", command: [File.join(@folder, "home/bin/hyperion")],
                                        env: {**Bundler.unbundled_env.slice("PATH"), **@home, "HYPERION_LOOP" => nil})

    Support::RawClient.open(process.port) do |client|
      expect(client.fetch("GET", "/there")).to have_attributes(status: 200, body: "hello from /there")
    end
    process.signal("TERM")
    expect(exit_status(process)).to eq(0)
    expect(process.stderr).to eq("")
  end

  it "loads under both of its names" do
    %w[hyperion hyperion-rb].each do |name|
      script = "require #{name.inspect}; puts Hyperion::VERSION, Hyperion::Server, " \
               "$LOADED_FEATURES.grep(/hyperion_http/)"
      expect(run(@home, RbConfig.ruby, "-e", script).split("\n"))
        .to eq([Hyperion::VERSION, "Hyperion::Server", File.realpath(extension)])
    end
  end

  it "says at build time what it was built with" do
    expect(@said).to match(/^hyperion-rb: event loop epoll, compiler \S+$/)
    expect(@said).to match(/^hyperion-rb: without io_uring, which needs liburing 2.3 .*apt-get install liburing-dev/)
  end

  it "has no io_uring then, and says so" do
    options = {command: [File.join(@folder, "home/bin/hyperion")],
               env: {**Bundler.unbundled_env.slice("PATH"), **@home, "HYPERION_LOOP" => nil}}

    expect(run_hyperion("-V", **options).stdout).to include("io_uring: not built")
    refused = run_hyperion("-p", "0", "--loop", "io_uring", **options)
    expect([refused.status.exitstatus, refused.stderr.lines.size]).to eq([1, 1])
    expect(refused.stderr).to start_with("hyperion: --loop: io_uring cannot be used: this build is without liburing")
    preferring = start_hyperion("-p", "0", **options, env: options[:env].merge("HYPERION_IO_URING_ACCEPT" => "1"))
    expect(preferring.stdout).to include("for I/O (epoll)")
  end

  it "exports one symbol" do
    symbols, status = Open3.capture2("nm", "--dynamic", "--defined-only", "--format=posix", extension)

    expect(status).to be_success
    expect(symbols.lines.map { |line| line.split.first }).to eq(["Init_hyperion_http"])
  end

  it "holds sources and documents, and nothing that lies about" do
    names = Gem::Package.new(@package).contents

    expect(names).to include("exe/hyperion", "lib/hyperion.rb", "ext/hyperion_http/extconf.rb", "LICENSE", "README.md")
    expect(names.grep_v(%r{\A(lib/.*\.rb|ext/.*\.(rb|cpp|hpp|map)|docs/.*\.md|exe/hyperion|[A-Z]+(\.md)?)\z})).to eq([])
    ours = run({}, "git", "ls-files", "--cached", "--others", "--exclude-standard", chdir: root).split("\n")
    expect(names - ours).to eq([])
  end

  it "depends on Rack alone" do
    expect(Gem::Package.new(@package).spec.runtime_dependencies).to eq([Gem::Dependency.new("rack", ">= 2.2", "< 4")])
  end

  it "asks for a compiler in plain words when there is none" do
    Dir.mktmpdir do |folder|
      output, status = Open3.capture2e(@home.merge("CXX" => "no-such-compiler"), RbConfig.ruby,
                                       File.join(root, "ext/hyperion_http/extconf.rb"), chdir: folder)
      expect(status).not_to be_success
      expect(output).to include("hyperion-rb needs a C++20 compiler", "CXX is 'no-such-compiler', which is not there")
    end
  end
end
