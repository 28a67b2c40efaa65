# frozen_string_literal: true

# A stop under clients that check what they get: whoever was heard has the whole answer, once, and whoever was not sees
# a connection that ends between two answers, or is refused. Nobody sees a reset. "Heard" is what the access log says.
RSpec.describe "a stop under load" do
  app = <<~RUBY
    run(lambda do |env|
      sleep 0.001
      [200, {"content-type" => "text/plain"}, [env["PATH_INFO"], ":", "x" * 20_000]]
    end)
  RUBY

  # One client: asks until no connection is accepted any more, `depth` requests at a time, on a connection of its own
  # for each time or as long as one lasts.
  asker = Struct.new(:name, :open, :depth, :keep, :served, :wrong, keyword_init: true) do
    def run
      self.served = []
      self.wrong = []
      number = 0
      client = nil
      loop do
        client ||= open.call
        paths = Array.new(depth) { "/#{name}-#{number += 1}" }
        next if ask(client, paths) && keep

        client.close
        client = nil
      end
    rescue Errno::ECONNREFUSED, Errno::ENOENT
      self
    end

    # Whether the connection goes on.
    def ask(client, paths)
      send_all(client, paths)
      paths.all? do |path|
        response = client.read_response
        (right?(response, path) ? served : wrong) << path
        response["connection"] != "close"
      end
    rescue Support::RawClient::Truncated => error
      wrong << error.message unless error.message == "closed after "
      false
    rescue Errno::ECONNRESET
      wrong << "a reset after #{served.last}"
      false
    end

    # What was answered can be read, also when the server has gone in the middle of this.
    def send_all(client, paths)
      paths.each { |path| client.request("GET", path) }
    rescue Errno::EPIPE, Errno::ECONNRESET
      nil
    end

    def right?(response, path)
      response.status == 200 && response.body == "#{path}:#{"x" * 20_000}"
    end
  end

  # Askers of every kind, at work.
  define_method(:ask_all) do |tcp, unix|
    [[1, true], [1, false], [8, true], [8, false]].flat_map do |depth, keep|
      {"t" => tcp, "u" => unix}.map do |letter, open|
        one = asker.new(name: "#{letter}#{depth}#{keep}", open: open, depth: depth, keep: keep)
        Thread.new { one.run }
      end
    end
  end

  def expect_all_served(askers, heard)
    expect(askers.flat_map(&:wrong)).to eq([])
    # Every line of the log has its answer, and every answer its line.
    served = askers.flat_map(&:served)
    expect([served - heard, heard - served, served.size - heard.size]).to eq([[], [], 0])
    askers.each { |one| expect(one.served.size).to be_positive, one.name }
  end

  it "by TERM loses no request that was accepted" do
    2.times do
      process = start_hyperion("-b", "127.0.0.1", "-b", "unix://socket", "-p", "0", app: app)
      port = process.port
      socket = process.path("socket")
      threads = ask_all(-> { Support::RawClient.new(port) }, -> { Support::RawClient.new(path: socket) })
      wait_until("some load") { process.stdout.scan(" access: ").size > 150 }
      process.signal("TERM")
      askers = threads.map(&:value)

      expect(exit_status(process)).to eq(0)
      expect_all_served(askers, process.stdout.scan(%r{ access: GET (/\S+) 200 }).flatten)
      expect(process.stdout.scan(/ access: GET \S+ (\d+)/).flatten.uniq).to eq(["200"])
      expect(process.stderr).to eq("")
    end
  end

  it "from another thread of the process loses none either, twice over, again and again" do
    socket = File.join(Dir.mktmpdir, "socket")
    log = Tempfile.new
    instant = ->(env) { ok(env["PATH_INFO"], ":", "x" * 20_000) }
    server = Hyperion::Server.new(app: instant, binds: ["127.0.0.1", "unix://#{socket}"], port: 0, log_out: log)
    3.times do
      log.rewind
      log.truncate(0)
      port = server.start.port
      threads = ask_all(-> { Support::RawClient.new(port) }, -> { Support::RawClient.new(path: socket) })
      wait_until("some load") { server.stats[:requests] > 100 }
      stops = Array.new(2) { Thread.new { server.stop(30) } }
      expect(stops.map(&:value)).to eq([true, true])

      askers = threads.map(&:value)
      expect_all_served(askers, File.read(log.path).scan(%r{ access: GET (/\S+) 200 }).flatten)
    end
  ensure
    server.stop(0)
    FileUtils.remove_entry(File.dirname(socket))
  end
end
