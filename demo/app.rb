# frozen_string_literal: true

require "digest"
require "json"

# A small Rack application whose page tries out the server that serves it: a streamed body, slow requests beside fast
# ones, an upload. No gem but Rack's server is involved.
class Demo
  PAGE = File.expand_path("page.html", __dir__)
  JSON_TYPE = {"content-type" => "application/json", "cache-control" => "no-store"}.freeze

  # Server-sent events, one a quarter of a second: each is on the wire when it is yielded.
  class Ticks
    def initialize(count)
      @count = count
    end

    def each
      @count.times do |number|
        yield "data: #{JSON.generate(tick: number + 1, of: @count, at: (Time.now.to_f * 1000).round)}\n\n"
        sleep 0.25
      end
      yield "event: end\ndata: {}\n\n"
    end
  end

  def call(env)
    case [env["REQUEST_METHOD"], env["PATH_INFO"]]
    in ["GET" | "HEAD", "/"] then page
    in ["GET", "/about"] then json(about(env))
    in ["GET", "/slow"] then slow
    in ["GET", "/ticks"]
      [200, {"content-type" => "text/event-stream", "cache-control" => "no-store"}, Ticks.new(12)]
    in ["POST", "/digest"] then json(digest(env["rack.input"]))
    else [404, {"content-type" => "text/plain"}, ["Not found\n"]]
    end
  end

  private

  def page
    [200, {"content-type" => "text/html; charset=utf-8"}, [File.read(PAGE)]]
  end

  # Holds one app thread, and only that.
  def slow
    sleep 1
    json(slept: 1, thread: Thread.current.name)
  end

  def about(env)
    headers = env.select { |key, _| key.start_with?("HTTP_") && key != "HTTP_VERSION" }
    {server: env["SERVER_SOFTWARE"], protocol: env["SERVER_PROTOCOL"], ruby: RUBY_DESCRIPTION, process: Process.pid,
     thread: Thread.current.name, client: env["REMOTE_ADDR"],
     headers: headers.transform_keys { |key| key.delete_prefix("HTTP_").tr("_", "-").downcase }}
  end

  def digest(input)
    sum = Digest::SHA256.new
    size = 0
    while (piece = input&.read(65_536))
      sum << piece
      size += piece.bytesize
    end
    {bytes: size, digest: sum.hexdigest}
  end

  def json(object)
    [200, JSON_TYPE, [JSON.generate(object)]]
  end
end
