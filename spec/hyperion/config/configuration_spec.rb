# frozen_string_literal: true

require "hyperion/config/configuration"

RSpec.describe Hyperion::Config::Configuration do
  def layer(origin = "here", **values)
    values.each_with_object(Hyperion::Config::Layer.new) do |(word, value), layer|
      layer.set(Hyperion::Config::Options.for_word(word), value, origin)
    end
  end

  def addresses(*layers)
    described_class.new(layers.map { |values| layer(**values) }).addresses.map(&:to_s)
  end

  it "takes the flag before the variable, the file, another's defaults, common variables and the default" do
    all = [%w[1 flag], %w[2 HYPERION_PORT], %w[3 file], %w[4 rails], %w[5 PORT]]
          .map { |port, origin| layer(origin, port: port) }
    all << Hyperion::Config::Layer.new

    found = all.each_index.map { |index| described_class.new(all.drop(index)) }

    expect(found.map { |configuration| configuration[:port] }).to eq([1, 2, 3, 4, 5, 9292])
    expect(found.map { |configuration| configuration.origin(:port) })
      .to eq(%w[flag HYPERION_PORT file rails PORT default])
  end

  it "loads them in this order" do
    Dir.mktmpdir do |folder|
      File.write("#{folder}/file.rb", "port 3\nthreads 3\nidle_keepalive 3\nbacklog 3\nenvironment 'file'\n")
      env = {"HYPERION_THREADS" => "2", "HYPERION_IDLE_KEEPALIVE" => "2s", "HYPERION_CONFIG" => "#{folder}/file.rb",
             "PORT" => "4", "RAILS_MAX_THREADS" => "4", "RACK_ENV" => "common", "HYPERION_PORT" => ""}
      found = described_class.load(layer(idle_keepalive: 1), env: env)

      expect([found[:idle_keepalive], found[:threads], found[:port], found[:environment], found[:io_threads]])
        .to eq([1, 2..2, 3, "file", 1])
    end
  end

  it "reads common variables, the first that is set" do
    found = described_class.load(Hyperion::Config::Layer.new,
                                 env: {"RAILS_ENV" => "rails", "RACK_ENV" => "rack", "APP_ENV" => "", "PORT" => "1"})

    expect([found[:environment], found[:port]]).to eq(["rack", 1])
    expect(found.origin(:environment)).to eq("RACK_ENV")
  end

  it "names the variable that is wrong" do
    expect { described_class.load(Hyperion::Config::Layer.new, env: {"HYPERION_MAX_BODY_BYTES" => "big"}) }
      .to raise_error(Hyperion::ConfigError, /\AHYPERION_MAX_BODY_BYTES: "big" is not allowed, expected a size/)
  end

  it "logs JSON in production, unless told otherwise" do
    expect(described_class.new([layer(environment: "production")])).to be_json
    expect(described_class.new([layer(environment: "production", log_format: "text")])).not_to be_json
    expect(described_class.new([])).not_to be_json
    expect(described_class.new([layer(log_format: "json")])).to be_json
  end

  describe "addresses" do
    {
      "this machine alone in development" => [[{}], ["tcp://127.0.0.1:9292"]],
      "every interface elsewhere" => [[{environment: "test"}], ["tcp://0.0.0.0:9292"]],
      "the port" => [[{port: 3000}], ["tcp://127.0.0.1:3000"]],
      "the port at the hosts that name none" => [[{bind: "a,tcp://b:1", port: 3000}], ["tcp://a:3000", "tcp://b:1"]],
      "the port of a weaker layer at a host" => [[{bind: "a"}, {port: 3000}], ["tcp://a:3000"]],
      "the port of a stronger layer at a weaker layer's host" => [[{port: 3000}, {bind: "a"}], ["tcp://a:3000"]],
      "a stronger port instead of weaker full addresses" =>
        [[{port: 3000}, {bind: "tcp://a:1 unix:///x"}], ["tcp://127.0.0.1:3000"]],
      "a stronger port at the default host that another program named" =>
        [[{port: 3000}, {bind: "tcp://a:1"}, {bind: "localhost", port: 4000}], ["tcp://localhost:3000"]],
      "full addresses whatever the weaker port" => [[{bind: "unix:///x"}, {port: 3000}], ["unix:///x"]],
      "the port beside full addresses of the same layer, as Puma does" =>
        [[{bind: "unix:///x", port: 3000}], ["unix:///x", "tcp://127.0.0.1:3000"]],
      "several lists of one layer together" => [[{bind: "a", host: "b"}], ["tcp://a:9292", "tcp://b:9292"]]
    }.each do |what, (layers, wanted)|
      it("are #{what}") { expect(addresses(*layers)).to eq(wanted) }
    end
  end
end
