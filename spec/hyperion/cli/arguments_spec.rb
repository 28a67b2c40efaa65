# frozen_string_literal: true

require "hyperion/cli/arguments"

RSpec.describe Hyperion::CLI::Arguments do
  def flag(name, *arguments)
    described_class.parse(arguments).flags[name]&.value
  end

  it "reads flags in every spelling" do
    expect(flag(:port, "-p", "3000")).to eq(3000)
    expect(flag(:port, "-p3000")).to eq(3000)
    expect(flag(:port, "--port", "3000")).to eq(3000)
    expect(flag(:port, "--port=3000")).to eq(3000)
    expect(flag(:threads, "-t", "0:16")).to eq(0..16)
    expect(flag(:max_body_bytes, "--max-body-bytes", "16m")).to eq(16 << 20)
    expect(flag(:log_requests, "-v")).to be(true)
    expect(flag(:log_requests, "--no-log-requests")).to be(false)
    expect(flag(:early_hints, "--early-hints")).to be(true)
    expect(flag(:bind, "-b", "a", "-b", "b").map(&:host)).to eq(%w[a b])
    expect(flag(:port, "-vp3000")).to eq(3000)
    expect(flag(:port)).to be_nil
  end

  it "reads the rackup file, before and after flags" do
    expect(flag(:rackup, "app.ru", "-p", "1")).to eq("app.ru")
    expect(flag(:rackup, "-p", "1", "app.ru")).to eq("app.ru")
    expect(flag(:rackup, "--", "-strange.ru")).to eq("-strange.ru")
  end

  it "reads former flags, with a warning, and flags for what is the case anyway" do
    flags = described_class.parse(["--read-timeout", "7", "--preload", "--no-preload"]).flags

    expect(flags[:header_timeout].to_a).to eq([7, "--read-timeout"])
    expect(flags.warnings).to match([/\A--read-timeout: the head and the body/])
  end

  it "reads Puma's flags, each with its effect or a line of its own" do
    expect(flag(:log_requests, "-q")).to be(false)
    expect(flag(:log_requests, "--quiet")).to be(false)
    expect(flag(:config, "--no-config")).to eq("-")
    expect(flag(:directory, "--dir", "shop")).to eq("shop")
    expect(flag(:state_path, "--state=a.state")).to eq("a.state")
    expect(flag(:idle_keepalive, "--persistent-timeout", "7")).to eq(7)
    expect(described_class.parse(%w[-I a:b --include c]).load_path).to eq(%w[c a b])

    flags = File.readlines(File.expand_path("../../fixtures/puma/flags.txt", __dir__), chomp: true)
    flags.each do |line|
      described_class.parse(line.split)
    rescue Hyperion::ConfigError => error
      expect(error.message).to match(/\A#{line[/[^\s=]+/]}: /), line
    end
  end

  it "reads actions" do
    {"-V" => :version, "--version" => :version, "-h" => :help, "--help" => :help, "--check-config" => :check_config}
      .each { |flag, action| expect(described_class.parse([flag]).action).to eq(action) }
    expect(described_class.parse([]).action).to be_nil
  end

  {
    ["--prot", "1"] => "unknown option --prot; the nearest is --port (hyperion --help lists all)",
    ["--max-body-size=1"] => /\Aunknown option --max-body-size; the nearest is --max-body-bytes/,
    ["--thread", "3"] => "unknown option --thread; the nearest is --threads (hyperion --help lists all)",
    ["-Z"] => "unknown option -Z (hyperion --help lists all)",
    ["--verbosity", "3"] => "unknown option --verbosity (hyperion --help lists all)",
    ["-t", "5:2"] => '-t: "5:2" is not allowed, MIN (5) is above MAX (2)',
    ["--control-url", "auto"] => /\A--control-url: there is no control app; signals stop and restart/,
    ["--plugin", "x"] => "--plugin: the configuration file has it: plugin :tmp_restart",
    ["--ssl-bind", "x"] => /\A--ssl-bind: this version has no TLS/,
    ["--fork-worker"] => /\A--fork-worker: this version serves in one process/,
    ["-I"] => "-I needs a value, expected folders, with : between them",
    ["--read-timeout"] => "--read-timeout needs a value, expected a time such as 30, 30s, 500ms, 2m or 1h, or off",
    ["--preload=1"] => "--preload takes no value",
    ["--tls-cert", "a.pem"] => /\A--tls-cert: this version has no TLS; what is served is plain HTTP/,
    ["--no-async-io"] => /\A--no-async-io: this version has no async mode/,
    ["-p"] => "-p needs a value, expected a whole number from 0 to 65535",
    ["--port", "x"] => '--port: "x" is not allowed, expected a whole number from 0 to 65535',
    ["--early-hints=3"] => "--early-hints takes no value",
    ["a.ru", "b.ru"] => "one rackup file is enough: b.ru is too much"
  }.each do |arguments, message|
    it "refuses #{arguments.join(" ")}" do
      expect { described_class.parse(arguments) }.to raise_error(Hyperion::ConfigError, message)
    end
  end
end
