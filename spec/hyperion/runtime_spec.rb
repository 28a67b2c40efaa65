# frozen_string_literal: true

RSpec.describe Hyperion::Runtime do
  subject(:runtime) { described_class.new }

  it "is there for every server that was given none" do
    expect(described_class.default).to be_a(described_class)
    expect(described_class.default).to be(described_class.default)
  end

  it "takes blocks, and itself may be asked on" do
    expect(runtime.on_request_start { nil }.on_request_end { nil }.clear).to be(runtime)
  end

  it "wants a block" do
    expect { runtime.on_request_start }.to raise_error(ArgumentError, "on_request_start needs a block")
    expect { runtime.on_request_end }.to raise_error(ArgumentError, "on_request_end needs a block")
  end

  it "cannot be copied: its native half is one" do
    expect { runtime.dup }.to raise_error(NoMethodError)
  end

  it "is what a server wants" do
    expect { Hyperion::Server.new(app: ->(_) {}, runtime: 3) }
      .to raise_error(ArgumentError, "Hyperion::Server: runtime must be a Hyperion::Runtime")
    expect(Hyperion::Server.new(app: ->(_) {}, runtime: runtime)).to have_attributes(runtime: runtime)
    expect(Hyperion::Server.new(app: ->(_) {}).runtime).to be(described_class.default)
  end

  it "tells an end hook of a response that comes apart like the triplet" do
    response = Hyperion::Response.new(200, {"a" => "b"}, ["c"])
    status, headers, body = response

    expect([status, headers, body]).to eq([200, {"a" => "b"}, ["c"]])
    expect(response[0]).to eq(200)
    expect(response).to have_attributes(status: 200, headers: {"a" => "b"}, body: ["c"])
  end
end
