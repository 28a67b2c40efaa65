# frozen_string_literal: true

require "hyperion/config/environment"

RSpec.describe Hyperion::Config::Environment do
  def own(**variables)
    described_class.new(variables.transform_keys(&:to_s)).own
  end

  it "reads variables of options and of former words, the latter with a warning" do
    layer = own(HYPERION_PORT: "3", HYPERION_READ_TIMEOUT: "7s", HYPERION_THREADS: "", PORT: "4")

    expect(%i[port header_timeout body_timeout].map { |name| layer[name].value }).to eq([3, 7, 7])
    expect(layer[:threads]).to be_nil
    expect(layer.warnings).to match([/\AHYPERION_READ_TIMEOUT: the head and the body/])
  end

  it "reads what others define into a layer of its own" do
    layer = described_class.new({"HYPERION_PORT" => "3", "PORT" => "4", "RACK_ENV" => "test"}).common

    expect(%i[port environment].map { |name| layer[name].value }).to eq([4, "test"])
  end

  {
    "both ends" => [{PUMA_MIN_THREADS: "1", PUMA_MAX_THREADS: "9"}, 1..9, "PUMA_MIN_THREADS, PUMA_MAX_THREADS"],
    "the upper end alone" => [{MAX_THREADS: "9", MIN_THREADS: ""}, 9..9, "MAX_THREADS"],
    "the lower end alone" => [{MIN_THREADS: "2"}, 2..5, "MIN_THREADS"],
    "a lower end above the default" => [{MIN_THREADS: "8"}, 8..8, "MIN_THREADS"],
    "the first pair of which there is one" =>
      [{RAILS_MAX_THREADS: "7", PUMA_MIN_THREADS: "1", MAX_THREADS: "9"}, 1..5, "PUMA_MIN_THREADS"]
  }.each do |what, (variables, threads, origin)|
    it "reads a range from two variables: #{what}" do
      found = described_class.new(variables.transform_keys(&:to_s)).common[:threads]
      expect([found.value, found.origin]).to eq([threads, origin])
    end
  end

  it "names both when they make no range" do
    expect { described_class.new({"MIN_THREADS" => "7", "MAX_THREADS" => "3"}).common }
      .to raise_error(Hyperion::ConfigError, /\AMIN_THREADS, MAX_THREADS: "7:3" is not allowed, MIN \(7\) is above MAX/)
  end

  it "warns of a name that is nearly right, and of what this version has not; other names are not its own" do
    layer = own(HYPERION_MAX_BODY_BYTE: "1", HYPERION_THREAD: "1", HYPERION_LINT: "1", HYPERION_DEBUG: "1",
                HYPERION_WORKER_MODEL: "share", HYPERION_TLS_CERT: "a.pem", HYPERION_PRELOAD: "1", HYPERION_THREADZ: "")

    expect(layer.warnings.map { |line| line[/\A[^;]*(; the.*)?/] })
      .to contain_exactly("HYPERION_MAX_BODY_BYTE: is no variable of this server; the nearest is " \
                          "HYPERION_MAX_BODY_BYTES",
                          "HYPERION_THREAD: is no variable of this server; the nearest is HYPERION_THREADS",
                          "HYPERION_TLS_CERT: without effect: this version has no TLS")
  end
end
