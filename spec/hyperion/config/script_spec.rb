# frozen_string_literal: true

require "hyperion/config/script"

RSpec.describe Hyperion::Config::Script do
  def load_script(text)
    Dir.mktmpdir do |folder|
      Dir.chdir(folder) do
        File.write("hyperion.rb", text)
        described_class.load("hyperion.rb")
      end
    end
  end

  def value(text, name)
    load_script(text)[name].value
  end

  it "sets options by their words, with strings or Ruby's values" do
    expect(value("port 3000", :port)).to eq(3000)
    expect(value("port ENV.fetch('NOBODY', '3000')", :port)).to eq(3000)
    expect(value("threads 1, 5", :threads)).to eq(1..5)
    expect(value("threads 1..5", :threads)).to eq(1..5)
    expect(value("thread_count 3", :threads)).to eq(3..3)
    expect(value("max_body_bytes '16m'", :max_body_bytes)).to eq(16 << 20)
    expect(value("idle_keepalive :off", :idle_keepalive)).to eq(0)
    expect(value("log_format :json", :log_format)).to eq("json")
    expect(value("early_hints", :early_hints)).to be(true)
    expect(value("log_requests false", :log_requests)).to be(false)
  end

  it "collects addresses" do
    expect(value("bind 'a'\nbind 'unix:///x', 'b'\nhost 'c'", :bind).map(&:to_s))
      .to eq(%w[tcp://a unix:///x tcp://b tcp://c])
  end

  it "sets them in blocks, too, with self or an argument for the words" do
    expect(value("logging { level :warn; format 'json'\n requests false }", :log_level)).to eq("warn")
    expect(value("logging { |log| log.format :json }", :log_format)).to eq("json")
    expect(load_script("logging {\n requests }")[:log_requests].to_a)
      .to eq([true, "hyperion.rb:2: logging { requests }"])
  end

  it "sets an option by a former word, with a warning" do
    layer = load_script("\nread_timeout 7\nport 1\n3.times { read_timeout 9 }")

    expect(%i[header_timeout body_timeout].map { |name| layer[name].value }).to eq([9, 9])
    expect(layer.warnings).to match([/\Ahyperion.rb:2: read_timeout: the head and the body/, /\Ahyperion.rb:4: read_/])
  end

  it "collects hooks" do
    hooks = load_script("before_fork { :a }\nbefore_worker_boot { |index| index }\non_worker_shutdown { :c }").hooks

    expect(%i[before_fork on_worker_boot on_worker_shutdown].map { |event| hooks[event].map(&:origin) })
      .to eq([["hyperion.rb:1: before_fork"], ["hyperion.rb:2: before_worker_boot"],
              ["hyperion.rb:3: on_worker_shutdown"]])
    expect(hooks[:on_worker_boot].first.block.call(3)).to eq(3)
  end

  it "passes over what this version has not, with a warning for what would make a difference" do
    layer = load_script(<<~RUBY)
      preload_app!
      preload true
      worker_health { max_rss_mb 512; check_interval 5 }
      tls_cert_path "no.pem"
      async_io true
      h2 do
        max_concurrent_streams 100
      end
    RUBY

    expect(layer.warnings.map { |line| line[/\A.*?(?=;|, for|\z)/] })
      .to eq(["hyperion.rb:3: worker_health: without effect: this version serves in one process, so there are no " \
              "workers to look after", "hyperion.rb:4: tls_cert_path: without effect: this version has no TLS",
              "hyperion.rb:5: async_io: without effect: this version has no async mode",
              "hyperion.rb:6: h2: without effect: this version speaks HTTP/1.1 only"])
  end

  it "says where a value stands" do
    expect(load_script("\nport 1")[:port].origin).to eq("hyperion.rb:2: port")
  end

  {
    "threads upside down" => ["threads 5, 2", /\Ahyperion.rb:1: threads: \[5, 2\] is .* MIN \(5\) is above MAX \(2\)/],
    "a wrong word, with the nearest" =>
      ["\nprot 3000", /\Ahyperion.rb:2: prot is no word of the configuration; the nearest is port\z/],
    "a wrong word inside a method" => ["def go\n  prot\nend\ngo", /\Ahyperion.rb:2: prot is no word/],
    "a wrong value" => ["port 1\nport :high", /\Ahyperion.rb:2: port: :high is not allowed, expected a whole number/],
    "a wrong address" => ["bind 'ssl://a:1'", %r{\Ahyperion.rb:1: bind: "ssl://a:1" is not allowed, TLS is not in}],
    "a missing value" => ["port", /\Ahyperion.rb:1: port: a value is missing, expected a whole number/],
    "too many values" => ["port 1, 2", /\Ahyperion.rb:1: port: \[1, 2\] is not allowed/],
    "a block where none belongs" => ["port(1) { 2 }", /\Ahyperion.rb:1: port: takes no block\z/],
    "a block that is missing" => ["\nlogging 'json'",
                                  /\Ahyperion.rb:2: logging: expected a block with .*format, level/],
    "a hook without code" => ["before_fork", /\Ahyperion.rb:1: before_fork: a block is missing: before_fork \{/],
    "a wrong word in a block" => ["logging {\n  levle 3 }", /\Ahyperion.rb:2: levle is no word of logging; .* level\z/],
    "a word in the wrong block" => ["logging { port 3 }", /port is no word of logging; it has error_file, file,/],
    "a wrong value in a block" => ["logging {\n level 3 }", /\Ahyperion.rb:2: logging \{ level \}: 3 is not allowed/],
    "a wrong value of a former word" => ["read_timeout :no", /\Ahyperion.rb:1: read_timeout: :no is not allowed, exp/],
    "a value on many lines" => ["port \"a\\nb\" * 99", /\Ahyperion.rb:1: port: "(a\\nb)+.{0,3}\.\.\. is not allowed/],
    "a recursion without end" => ["def go\n go\nend\ngo", /\Ahyperion.rb:\d: SystemStackError: stack level too deep\z/],
    "an exception" => ["\n\nraise 'no luck'", /\Ahyperion.rb:3: RuntimeError: no luck\z/],
    "an exception of a method" => ["ENV.fetch('NOBODY_SETS_THIS')", /\Ahyperion.rb:1: KeyError: key not found/],
    "an exception of the worst kind" => ["\nraise Exception, 'no'", /\Ahyperion.rb:2: Exception: no\z/],
    "an exception without words" => ["raise StandardError, ''", /\Ahyperion.rb:1: StandardError\z/],
    "an exception that only has a class" => ["raise KeyError", /\Ahyperion.rb:1: KeyError\z/],
    "a throw that nobody catches" => ["throw :a", /\Ahyperion.rb:1: UncaughtThrowError: uncaught throw :a\z/],
    "a syntax error" => ["port 1\nport (\n", /\Ahyperion.rb:\d+: syntax error/],
    "a library that is missing" => ["require 'no/such/library'", /\Ahyperion.rb:1: LoadError: cannot load such file/]
  }.each do |what, (text, message)|
    it "names file and line of #{what}" do
      expect { load_script(text) }.to raise_error(Hyperion::ConfigError, message)
    end
  end

  it "says that a file is missing" do
    expect { described_class.load("/no/such.rb") }
      .to raise_error(Hyperion::ConfigError,
                      "cannot read the configuration file /no/such.rb: no such file or directory")
  end
end
