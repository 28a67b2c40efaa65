# frozen_string_literal: true

require "hyperion/config/address"

RSpec.describe Hyperion::Config::Address do
  {
    "0.0.0.0" => {kind: :tcp, host: "0.0.0.0", port: nil},
    "localhost" => {kind: :tcp, host: "localhost", port: nil},
    "localhost:80" => {kind: :tcp, host: "localhost", port: 80},
    "[::1]" => {kind: :tcp, host: "::1", port: nil},
    "::" => {kind: :tcp, host: "::", port: nil},
    "fe80::1" => {kind: :tcp, host: "fe80::1", port: nil},
    "tcp://0.0.0.0:9292" => {kind: :tcp, host: "0.0.0.0", port: 9292},
    "tcp://[::]:9292" => {kind: :tcp, host: "::", port: 9292},
    "tcp://example.org" => {kind: :tcp, host: "example.org", port: nil},
    "tcp://localhost:0" => {kind: :tcp, host: "localhost", port: 0},
    "unix:///run/app.sock" => {kind: :unix, path: "/run/app.sock", mode: nil, umask: nil},
    "unix://tmp/app.sock" => {kind: :unix, path: "tmp/app.sock"},
    "unix:///a?umask=0117" => {kind: :unix, path: "/a", umask: 0o117, mode: nil},
    "unix:///a?umask=0117&mode=660" => {kind: :unix, path: "/a", umask: 0o117, mode: 0o660},
    "@name" => {kind: :unix, path: "@name"},
    "unix://@name" => {kind: :unix, path: "@name"},
    "fd://5" => {kind: :fd, fd: 5}
  }.each do |text, attributes|
    it "reads #{text}" do
      expect(described_class.parse(text)).to have_attributes(attributes)
    end
  end

  {
    "" => "expected a host", "tcp://" => "expected a host", "tcp://:80" => "expected a host",
    "tcp://a:b" => "expected a host", "tcp://a/b" => "expected a host", "a b" => "expected a host",
    "[::1" => "expected a host", "tcp://a:99999" => "port 99999 is above 65535",
    "unix://" => "the path is missing", "unix:///a?mode=999" => "999 is no octal permission",
    "unix:///a?colour=red" => "?colour= is unknown, expected mode or umask",
    "fd://x" => "expected a number", "http://a" => "http:// is unknown",
    "ssl://a:1?cert=x" => "TLS is not in this build"
  }.each do |text, why|
    it "refuses #{text.inspect}: #{why}" do
      expect { described_class.parse(text) }
        .to raise_error(Hyperion::Config::InvalidValue, /\A#{Regexp.escape("#{text.inspect} is not allowed, #{why}")}/)
    end
  end

  it "is written as it can be given" do
    texts = %w[tcp://localhost:80 tcp://[::1]:80 tcp://a unix:///a unix://@name fd://5]

    expect(texts.map { |text| described_class.parse(text).to_s }).to eq(texts)
  end

  it "comes in lists" do
    list = Hyperion::Config::Addresses.new.cast("localhost, unix:///a fd://3")

    expect(list.map(&:kind)).to eq(%i[tcp unix fd])
    expect do
      Hyperion::Config::Addresses.new.cast(" ")
    end.to raise_error(Hyperion::Config::InvalidValue, /expected a host/)
  end
end
