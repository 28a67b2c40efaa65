# frozen_string_literal: true

RSpec.describe "entries of a route table" do
  static = Hyperion::Server::RouteTable::StaticEntry
  dynamic = Hyperion::Server::RouteTable::DynamicBlockEntry

  it "are known by the server's name, too" do
    expect(Hyperion::Server::StaticEntry).to be(static)
    expect(Hyperion::Server::DynamicBlockEntry).to be(dynamic)
  end

  it "answer `method` with and without a name" do
    entries = [static.new(:get, "/", ""), dynamic.new("PUT", "/", ->(_) {}, nil)]

    expect(entries.map(&:method)).to eq(%w[GET PUT])
    expect(entries.map { |entry| entry.method(:path).call }).to eq(%w[/ /])
  end

  it "show what they are" do
    expect(static.new("GET", "/a", "body").inspect).to match(%r{StaticEntry GET /a 200 4 bytes>\z})
    expect(dynamic.new("GET", "/a", ->(_) {}, nil).inspect).to match(%r{DynamicBlockEntry GET /a>\z})
  end

  describe "a static one" do
    def entry(body = "body", **options)
      Hyperion::Server::StaticEntry.new("GET", "/", body, **options)
    end

    it "has the body as it was" do
      given = +"body"
      made = entry(given)
      given << " changed"

      expect(made.body).to eq("body").and be_frozen
      expect(entry(nil).body).to eq("")
      expect(entry("\xFF\0".b).body).to eq("\xFF\0".b)
    end

    it "is text unless something else is said" do
      expect(entry.headers["content-type"]).to eq("text/plain")
      expect(entry(content_type: "text/html").headers["content-type"]).to eq("text/html")
      expect(entry(headers: {"Content-Type" => "text/css"}).headers["content-type"]).to eq("text/css")
      expect(entry(content_type: nil).headers).not_to have_key("content-type")
      expect(entry(nil, status: 204).headers).not_to have_key("content-type")
      expect(entry(nil, status: 302, headers: {"location" => "/"}).headers).to have_key("content-type")
    end

    it "has header names in lower case, lists as lines, numbers as text" do
      made = entry(headers: {"X-A" => "1", :"x-b" => %w[2 3], "Retry-After" => 4})

      expect(made.headers).to include("x-a" => "1", "x-b" => %w[2 3], "retry-after" => "4")
      expect(made.headers).to be_frozen
      expect(made.lines.each_slice(2)).to include(%w[x-b 2], %w[x-b 3])
    end

    it "has an entity tag of content and coding, its own where one is given" do
      tags = [entry("a"), entry("b"), entry("a", content_type: "text/html"),
              entry("a", headers: {"content-encoding" => "gzip"})].map(&:etag)

      expect(tags.uniq.size).to eq(4)
      expect(entry("a").etag).to eq(tags.first)
      expect(entry("a", headers: {"cache-control" => "no-cache"}).etag).to eq(tags.first)
      expect(entry(headers: {"ETag" => "W/\"1\""}).etag).to eq("W/\"1\"")
    end

    it "has none where nothing can be asked for conditionally" do
      expect(entry(status: 404)).to have_attributes(etag: nil, headers: {"content-type" => "text/plain"})
      post = Hyperion::Server::StaticEntry.new("POST", "/", "", headers: {"etag" => "\"a\""})
      expect(post).to have_attributes(etag: nil, headers: include("etag" => "\"a\""))
    end

    it "is made for another path" do
      made = entry("body", status: 404, headers: {"a" => "b"}).at("PUT", "/other")

      expect(made).to have_attributes(method: "PUT", path: "/other", body: "body", status: 404,
                                      headers: {"content-type" => "text/plain", "a" => "b"})
    end
  end
end
