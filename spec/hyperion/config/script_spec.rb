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

  it "says where a value stands" do
    expect(load_script("\nport 1")[:port].origin).to eq("hyperion.rb:2: port")
  end

  {
    "a wrong word, with the nearest" =>
      ["\nprot 3000", /\Ahyperion.rb:2: prot is no word of the configuration; the nearest is port\z/],
    "a wrong word inside a method" => ["def go\n  prot\nend\ngo", /\Ahyperion.rb:2: prot is no word/],
    "a wrong value" => ["port 1\nport :high", /\Ahyperion.rb:2: port: :high is not allowed, expected a whole number/],
    "a wrong address" => ["bind 'ssl://a:1'", %r{\Ahyperion.rb:1: bind: "ssl://a:1" is not allowed, TLS is not in}],
    "a missing value" => ["port", /\Ahyperion.rb:1: port: a value is missing, expected a whole number/],
    "too many values" => ["port 1, 2", /\Ahyperion.rb:1: port: \[1, 2\] is not allowed/],
    "an exception" => ["\n\nraise 'no luck'", /\Ahyperion.rb:3: RuntimeError: no luck\z/],
    "an exception of a method" => ["ENV.fetch('NOBODY_SETS_THIS')", /\Ahyperion.rb:1: KeyError: key not found/],
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
