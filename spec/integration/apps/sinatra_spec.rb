# frozen_string_literal: true

require "digest"
require "zlib"

# The notice board of apps/sinatra in a process of exe/hyperion, seen by an HTTP client.
RSpec.describe "A Sinatra application" do
  extend Support::ServedApps

  data = Random.new(8).bytes(300_000)
  files = {"files/data.bin" => data, "public/board.txt" => "on the board\n" * 100}

  def digest(content)
    Digest::SHA256.hexdigest(content)
  end

  shared_examples "a notice board" do
    it "serves pages with a session, and its error pages" do
      browse do |browser|
        expect(browser.get("/")).to have_attributes(code: "200", body: "<h1>Notices</h1><p>Visit 1</p>")
        expect(browser.get("/").body).to end_with("Visit 2</p>")
        expect(browser.get("/none")).to have_attributes(code: "404", body: "There is no such page")
        expect(browser.get("/failure"))
          .to have_attributes(code: "500", body: "Something went wrong: a failure on purpose")
      end
    end

    it "answers a condition with 304, and HEAD with the head of GET" do
      browse do |browser|
        hello = browser.get("/hello/J%C3%BCrgen")
        expect(hello.body.force_encoding("UTF-8")).to eq("Hello Jürgen")
        expect(browser.get("/hello/J%C3%BCrgen", "If-None-Match" => hello["etag"]))
          .to have_attributes(code: "304", body: nil)
        expect(browser.head("/hello/J%C3%BCrgen")).to have_attributes(code: "200", content_length: 13, body: nil)
      end
    end

    it "keeps clients apart that post forms and follow the redirect" do
      titles = Array.new(5) do |client|
        Thread.new { browse { |browser| Array.new(10) { |number| post_and_follow(browser, "#{client}.#{number}") } } }
      end.flat_map(&:value)

      expect(titles).to eq(Array.new(50) { |number| "#{number / 10}.#{number % 10}" })
    end

    def post_and_follow(browser, title)
      response = browser.post("/notices", "title" => title, "text" => "é&=")
      notice = JSON.parse(browser.get(URI(response["location"]).path).body)
      notice["title"] if response.code == "303" && notice["text"] == "é&="
    end

    it "takes files of forms, small, large and without a length, and whole bodies" do
      browse do |browser|
        [["small", false], [data * 4, false], [data, true]].each do |content, chunked|
          response = browser.upload("/upload", content, name: "a.bin", title: "t", chunked: chunked)
          expect(JSON.parse(response.body)).to eq("name" => "a.bin", "title" => "t", "size" => content.bytesize,
                                                  "digest" => digest(content))
        end
        expect(JSON.parse(browser.put("/upload", data).body)).to eq("size" => 300_000, "digest" => digest(data))
        expect(browser.post("/notices", "text" => "x")).to have_attributes(code: "422", body: "a title is missing")
      end
    end

    it "sends files, whole and in ranges" do
      browse do |browser|
        expect(digest(browser.get("/file").body)).to eq(digest(data))
        expect(browser.get("/file", "Range" => "bytes=0-9")).to have_attributes(code: "206", body: data[0..9])
        several = browser.get("/file", "Range" => "bytes=0-9,20-29")
        expect(several.code).to eq("206")
        expect(several.body).to include(data[0..9], data[20..29])
        expect(browser.get("/file", "Range" => "bytes=300000-").code).to eq("416")
        expect(browser.get("/board.txt").body).to start_with("on the board\n")
      end
    end

    it "streams: a piece arrives before the response is over" do
      pieces = []
      browse do |browser|
        browser.get("/stream?after=go") do |response|
          response.read_body do |piece|
            pieces << piece
            app.write("go", "")
          end
        end
      end
      expect(pieces).to eq(["first\n", "last\n"])
    end
  end

  {"1 thread" => "1", "5 threads" => "5"}.each do |name, threads|
    context "on #{name}" do
      serve_app("sinatra", "-t", threads, files: files)
      it_behaves_like "a notice board"
    end
  end

  context "with Rack 2.2" do
    serve_app("sinatra", bundle: "apps_rack2", files: files)
    it_behaves_like "a notice board"
  end

  context "in Rack::Lint" do
    serve_app("sinatra", files: {**files, "config.ru" => <<~RUBY})
      require_relative "app"
      use Rack::Lint
      run NoticeBoard
    RUBY
    it_behaves_like "a notice board"
  end

  context "behind middleware" do
    serve_app("sinatra", files: {**files, "config.ru" => <<~RUBY})
      require_relative "app"
      map("/deflated") { use Rack::Deflater; run NoticeBoard }
      map("/tagged") { use Rack::ConditionalGet; use Rack::ETag; run NoticeBoard }
      map("/files") { run Rack::Cascade.new([Rack::Files.new("public"), NoticeBoard]) }
    RUBY

    it "is deflated" do
      browse do |browser|
        page = browser.get("/deflated/board.txt", "Accept-Encoding" => "gzip")
        expect([page.code, page["content-encoding"]]).to eq(["200", "gzip"])
        expect(Zlib.gunzip(page.body)).to eq("on the board\n" * 100)
        expect(browser.head("/deflated/")).to have_attributes(code: "200", body: nil)
      end
    end

    it "has an ETag that saves the body" do
      browse do |browser|
        path = "/tagged/notices/#{browser.post("/tagged/notices", "title" => "x")["location"][/\d+\z/]}"
        tag = browser.get(path)["etag"]
        expect(tag).to match(%r{\AW/"\h+"\z})
        expect(browser.get(path, "If-None-Match" => tag)).to have_attributes(code: "304", body: nil)
        expect(browser.get(path, "If-None-Match" => "W/\"0\"").code).to eq("200")
      end
    end

    it "has files beside it" do
      browse do |browser|
        expect(browser.get("/files/board.txt", "Range" => "bytes=0-4")).to have_attributes(code: "206", body: "on th")
        expect(browser.get("/files/hello/x").body).to eq("Hello x")
        expect(browser.head("/files/board.txt")).to have_attributes(code: "200", content_length: 1300, body: nil)
      end
    end
  end
end
