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
