# frozen_string_literal: true

require "stringio"

RSpec.describe Hyperion::Request do
  def request(body = nil, **fields)
    input = body && StringIO.new(body.b)
    described_class.new({"REQUEST_METHOD" => "POST", "PATH_INFO" => "/a%20b", "QUERY_STRING" => "c=d&e=%20",
                         "SERVER_PROTOCOL" => "HTTP/1.1", "rack.url_scheme" => "http", "REMOTE_ADDR" => "127.0.0.1",
                         "HTTP_VERSION" => "HTTP/1.1", "HTTP_HOST" => "example.org", "rack.input" => input,
                         **fields.transform_keys(&:to_s)})
  end

  it "is a view of a Rack environment" do
    made = request

    expect(made).to have_attributes(method: "POST", path: "/a%20b", query_string: "c=d&e=%20", scheme: "http",
                                    http_version: "HTTP/1.1", peer_address: "127.0.0.1")
    expect(made.env["HTTP_HOST"]).to eq("example.org")
    expect(made.inspect).to eq("#<Hyperion::Request POST /a%20b>")
    expect(made.method(:path).call).to eq("/a%20b")
  end

  it "has header fields by name, in any case" do
    made = request("CONTENT_TYPE" => "text/css", "HTTP_X_REQUEST_ID" => "7")

    expect(made.header("Content-Type")).to eq("text/css")
    expect(made.header("x-request-id")).to eq("7")
    expect(made.header(:host)).to eq("example.org")
    expect(made.header("version")).to be_nil
    expect(made.headers.key?("version")).to be(false)
    expect(made.headers.to_h).to eq("host" => "example.org", "content-type" => "text/css", "x-request-id" => "7")
    expect(made.headers.fetch("HOST")).to eq("example.org")
    expect(made.headers.fetch("none", "given")).to eq("given")
    expect(made.headers.fetch("none") { |name| name }).to eq("none")
    expect { made.headers.fetch("none") }.to raise_error(KeyError)
    expect(made.headers.key?("Host")).to be(true)
    expect(made.headers).not_to include("accept")
    expect(made.headers.map { |name, _| name }).to contain_exactly("host", "content-type", "x-request-id")
    expect(made.headers.each.next).to eq(%w[host example.org])
    expect(made.headers.inspect).to include("example.org")
  end

  it "has the body whole, again and again, and in pieces" do
    made = request("hello")
    expect([made.body, made.body]).to eq(%w[hello hello])
    expect(made.body.encoding).to eq(Encoding::BINARY)
    expect([made.read(2), made.read, made.read, made.read(1)]).to eq(["he", "llo", "", nil])

    empty = request
    expect([empty.body, empty.read, empty.read(3)]).to eq(["", "", nil])
  end

  it "has parameters of query and form" do
    made = request("g=h&i[]=1", "CONTENT_TYPE" => "application/x-www-form-urlencoded", "CONTENT_LENGTH" => "9")

    expect(made.params).to eq("c" => "d", "e" => " ", "g" => "h", "i" => ["1"])
  end
end
