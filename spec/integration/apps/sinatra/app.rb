# frozen_string_literal: true

# A notice board: what a Sinatra application commonly does.
require "digest"
require "json"
require "sinatra/base"

class NoticeBoard < Sinatra::Base
  set :environment, :production
  set :sessions, true
  set :session_secret, "0" * 64
  set :public_folder, File.join(__dir__, "public")
  set :notices, {}
  set :lock, Mutex.new

  get "/" do
    session["visits"] = session["visits"].to_i + 1
    erb "<h1>Notices</h1><p>Visit <%= session['visits'] %></p>"
  end

  get "/hello/:name" do
    cache_control :public, max_age: 60
    etag Digest::SHA256.hexdigest(params["name"])
    "Hello #{params["name"]}"
  end

  post "/notices" do
    notice = params.slice("title", "text")
    halt 422, "a title is missing" if notice["title"].to_s.empty?
    number = settings.lock.synchronize do
      settings.notices.store(settings.notices.size + 1, notice)
      settings.notices.size
    end
    redirect to("/notices/#{number}"), 303
  end

  get "/notices/:number" do
    content_type :json
    (settings.notices[params["number"].to_i] || halt(404, "{}")).to_json
  end

  post "/upload" do
    content = params["file"]["tempfile"].read
    content_type :json
    {name: params["file"]["filename"], title: params["title"], size: content.bytesize,
     digest: Digest::SHA256.hexdigest(content)}.to_json
  end

  put "/upload" do
    content = request.body.read
    content_type :json
    {size: content.bytesize, digest: Digest::SHA256.hexdigest(content)}.to_json
  end

  get("/file") { send_file File.join(__dir__, "files/data.bin"), type: "application/octet-stream" }

  get "/stream" do
    content_type "text/plain"
    stream do |out|
      out << "first\n"
      sleep 0.01 until File.exist?(File.join(__dir__, File.basename(params["after"])))
      out << "last\n"
    end
  end

  get("/failure") { raise "a failure on purpose" }
  error { "Something went wrong: #{env["sinatra.error"].message}" }
  not_found { "There is no such page" }
end
