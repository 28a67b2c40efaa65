# frozen_string_literal: true

require "digest"
require "zlib"

# The guest book of apps/rails in a process of exe/hyperion, seen by an HTTP client.
RSpec.describe "A Rails application" do
  extend Support::ServedApps

  data = Random.new(7).bytes(300_000)
  lines = Array.new(400) { |number| "line #{number}\n" }.join
  files = {"files/data.bin" => data, "public/lines.txt" => lines}
  production = {"RAILS_ENV" => "production"}

  def digest(content)
    Digest::SHA256.hexdigest(content)
  end

  # One visitor's way: form, its token, redirect, flash.
  def sign(browser, author, text)
    page = browser.get("/notes").body
    token = page[/name="authenticity_token" value="([^"]+)"/, 1]
    browser.post("/notes", "authenticity_token" => token, "note[author]" => author, "note[text]" => text)
  end

  shared_examples "a guest book" do
    it "serves pages with a form, its token, session and flash" do
      browse do |browser|
        expect(browser.get("/")).to have_attributes(code: "301", body: "")
        response = sign(browser, "Zoë & <b>", "came by")
        expect(response.code).to eq("302")
        expect(response["location"]).to eq("http://127.0.0.1:#{app.port}/notes")

        page = browser.get("/notes")
        body = page.body.force_encoding("UTF-8")
        expect(page).to have_attributes(code: "200", content_type: "text/html")
        expect(body).to include("<p id=\"flash\">Thank you, Zoë &amp; &lt;b&gt;</p>", "<p>Visit 2</p>", "came by")
        expect(browser.get("/notes").body).to include("<p id=\"flash\"></p>", "Visit 3")
      end
    end

    it "refuses a form without its token, and one that is not complete" do
      browse do |browser|
        expect(browser.post("/notes", "note[author]" => "x", "note[text]" => "y").code).to eq("422")
        response = sign(browser, "", "text")
        expect(response.code).to eq("422")
        expect(response.body).to include("Author can&#39;t be blank")
      end
    end

    it "answers JSON, with an ETag that saves a body" do
      browse do |browser|
        made = browser.post_json("/api/notes", note: {author: "json", text: "é"})
        expect(made).to have_attributes(code: "201", content_type: "application/json")
        id = JSON.parse(made.body).fetch("id")
        shown = browser.get("/api/notes/#{id}")
        expect(JSON.parse(shown.body)).to include("id" => id, "author" => "json", "text" => "é")
        again = browser.get("/api/notes/#{id}", "If-None-Match" => shown["etag"])
        expect(again).to have_attributes(code: "304", body: nil)
        expect(browser.get("/api/notes/0").code).to eq("404")
        expect(browser.post("/api/notes", "{", "Content-Type" => "application/json").code).to eq("400")
      end
    end

    it "keeps the clients of the database apart" do
      answers = Array.new(6) do |client|
        Thread.new do
          browse { |browser| Array.new(8) { |number| write_and_read(browser, "client #{client}", "note #{number}") } }
        end
      end.flat_map(&:value)

      expect(answers.map(&:first).uniq.size).to eq(48)
      expect(answers.map { |_, *told| told })
        .to eq([*0..5].product([*0..7]).map { |client, number| [number + 1, "client #{client}", "note #{number}"] })
    end

    # @return [Array] id, number of notes by this author, author, text
    def write_and_read(browser, author, text)
      made = JSON.parse(browser.post_json("/api/notes", note: {author: "#{author} of #{object_id}", text: text}).body)
      note = JSON.parse(browser.get("/api/notes/#{made.fetch("id")}").body)
      [note["id"], made["by_author"], note["author"][/.*(?= of)/], note["text"]]
    end

    it "takes files of forms, small, large and without a length, and whole bodies" do
      browse do |browser|
        [["small", false], [data * 4, false], [data, true]].each do |content, chunked|
          response = browser.upload("/upload", content, name: "ä b.bin", title: "Ünï", chunked: chunked)
          expect(JSON.parse(response.body)).to eq("name" => "ä b.bin", "type" => "application/x-data", "title" => "Ünï",
                                                  "size" => content.bytesize, "digest" => digest(content))
        end
        expect(JSON.parse(browser.put("/upload", data * 2).body)).to eq("size" => 600_000, "digest" => digest(data * 2))
      end
    end

    it "answers HEAD with the head of GET" do
      browse do |browser|
        expect(browser.head("/lines.txt")).to have_attributes(code: "200", content_length: lines.bytesize, body: nil)
        expect(browser.head("/notes")).to have_attributes(code: "200", content_type: "text/html", body: nil)
      end
    end

    it "streams with ActionController::Live: an event arrives before the response is over" do
      received = +""
      browse do |browser|
        browser.get("/stream?after=go") do |response|
          expect(response).to have_attributes(code: "200", content_type: "text/event-stream")
          response.read_body do |piece|
            received << piece
            app.write("go", "") if received.include?("data: waiting\n\n")
          end
        end
        expect(received).to start_with("event: line\ndata: first\n\n").and end_with("event: line\ndata: last\n\n")
        expect(browser.get("/notes").code).to eq("200")
      end
    end

    it "tells a stream that its client has gone" do
      client = Support::RawClient.new(app.port).request("GET", "/stream?after=never")
      expect(client.read_head.status).to eq(200)
      client.close

      wait_until("the application to notice") { File.exist?(app.path("disconnected")) }
    end

    it "shows its own error pages" do
      browse do |browser|
        failure = browser.get("/failure")
        expect(failure.code).to eq("500")
        expect(failure.body).to include("<h1>Something went wrong</h1>")
        missing = browser.get("/nowhere")
        expect(missing.code).to eq("404")
        expect(missing.body).to include("<h1>There is no such page</h1>")
      end
      expect(File.read(app.path("rails.log"))).to include("a failure on purpose")
    end
  end

  # Rails promises that they have to_ary, which they have not: Lint complains of it.
  shared_examples "a guest book with bodies of its own" do
    it "sends files, whole and in ranges" do
      browse do |browser|
        whole = browser.get("/files/data.bin")
        expect(whole["content-disposition"]).to start_with("attachment; filename=\"data.bin\"")
        expect([whole.code, digest(whole.body)]).to eq(["200", digest(data)])

        part = browser.get("/files/data.bin", "Range" => "bytes=299990-")
        expect(part).to have_attributes(code: "206", body: data[-10..])
        expect(part["content-range"]).to eq("bytes 299990-299999/300000")

        public_part = browser.get("/lines.txt", "Range" => "bytes=5-9")
        expect(public_part).to have_attributes(code: "206", body: lines[5..9])
        expect(browser.get("/lines.txt").body).to eq(lines)
        expect(browser.get("/files/none").code).to eq("404")
      end
    end

    it "sends a body that is made meanwhile" do
      browse do |browser|
        browser.post_json("/api/notes", note: {author: "exported", text: "x"})
        response = browser.get("/notes/export")
        expect(response).to have_attributes(code: "200", content_type: "text/csv")
        expect(response.body).to start_with("author;text\n").and include("exported;x\n")
      end
    end
  end

  {"1 thread" => "1", "5 threads" => "5"}.each do |name, threads|
    context "on #{name}" do
      serve_app("rails", "-t", threads, files: files, env: production)
      it_behaves_like "a guest book"
      it_behaves_like "a guest book with bodies of its own"
    end
  end

  context "with Rack 2.2" do
    serve_app("rails", "-t", "5", bundle: "apps_rack2", files: files, env: production)
    it_behaves_like "a guest book"
    it_behaves_like "a guest book with bodies of its own"
  end

  context "behind middleware" do
    serve_app("rails", "-t", "5", env: production, files: {**files, "config.ru" => <<~RUBY})
      require_relative "config/environment"
      map("/deflated") { use Rack::Deflater; run Rails.application }
      map("/tagged") { use Rack::ConditionalGet; use Rack::ETag; run Rails.application }
      map("/files") { run Rack::Cascade.new([Rack::Files.new("public"), Rails.application]) }
    RUBY

    it "is deflated, the stream as it comes" do
      inflater = Zlib::Inflate.new(Zlib::MAX_WBITS + 32)
      browse do |browser|
        page = browser.get("/deflated/notes", "Accept-Encoding" => "gzip")
        expect(page).to have_attributes(code: "200", content_length: nil)
        expect([page["content-encoding"], page["vary"]]).to match(["gzip", /Accept-Encoding/])
        expect(Zlib.gunzip(page.body)).to include("<h1>Guest book</h1>")

        received = +""
        browser.get("/deflated/stream?after=go", "Accept-Encoding" => "gzip") do |response|
          response.read_body do |piece|
            received << inflater.inflate(piece)
            app.write("go", "") if received.include?("data: waiting")
          end
        end
        expect(received).to end_with("event: line\ndata: last\n\n")
        expect(browser.get("/deflated/files/data.bin").body == data).to be(true)
      end
    end

    it "has an ETag that saves the body" do
      browse do |browser|
        page = browser.get("/tagged/api/notes")
        expect(page["etag"]).to match(%r{\AW/"\h+"\z})
        again = browser.get("/tagged/api/notes", "If-None-Match" => page["etag"])
        expect(again).to have_attributes(code: "304", body: nil, content_length: nil)
        expect(browser.get("/tagged/files/data.bin").body == data).to be(true)
      end
    end

    it "has files beside it" do
      browse do |browser|
        file = browser.get("/files/lines.txt")
        expect(file).to have_attributes(code: "200", body: lines, content_type: "text/plain")
        part = browser.get("/files/lines.txt", "Range" => "bytes=-7")
        expect(part).to have_attributes(code: "206", body: lines[-7..])
        old = browser.get("/files/lines.txt", "If-Modified-Since" => file["last-modified"])
        expect(old).to have_attributes(code: "304", body: nil)
        expect(browser.head("/files/lines.txt")).to have_attributes(code: "200", content_length: lines.bytesize)
        expect(browser.get("/files/notes").body).to include("<h1>Guest book</h1>")
      end
    end
  end

  context "in Rack::Lint" do
    serve_app("rails", "-t", "5", env: production, files: {**files, "config.ru" => <<~RUBY})
      require_relative "config/environment"
      use Rack::Lint
      run Rails.application
    RUBY
    it_behaves_like "a guest book"
  end
end
