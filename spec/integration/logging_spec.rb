# frozen_string_literal: true

require "json"
require "logger"
require "stringio"
require "tempfile"

# Fields of the application, other loggers, and what a client must not be able to do to a line.
RSpec.describe "logging" do
  # Lines of an access log, as they come.
  def access_lines(server, count)
    wait_until("#{count} access lines") do
      lines = log_lines(server).grep(/access/)
      lines if lines.size >= count
    end
  end

  def json_lines(server, count)
    access_lines(server, count).map { |line| JSON.parse(line) }
  end

  describe "hyperion.log_extras" do
    let(:app) do
      lambda do |env|
        env["hyperion.log_extras"] = EXTRAS.fetch(env["PATH_INFO"]).call
        raise "no luck" if env["PATH_INFO"] == "/raises"

        [200, {"content-type" => "text/plain"}, env["PATH_INFO"] == "/stream" ? :close.to_proc : ["ok"]]
      end
    end

    before do
      odd = Class.new { def to_s = "odd one" }
      stub_const("EXTRAS", {
                   "/types" => lambda {
                     {user: "ann", "count" => 3, big: 2**70, ratio: 0.5, far: Float::INFINITY, yes: true, no: false,
                      none: nil, symbol: :word, nested: {a: [1]}, odd: odd.new, latin: "café".encode("ISO-8859-1")}
                   },
                   "/forged" => lambda {
                     {status: 999, "path" => "/other", message: "m", request_id: "r",
                      "line\n\e[31m" => "a\nb\u2028\u202e", "broken" => "\xff\xfe", "\xff" => 1, mine: "user=1 \"x\""}
                   },
                   "/many" => -> { (1..1000).to_h { |i| ["key#{i}", "x" * 5000] } },
                   "/raises" => -> { {seen: "before"} },
                   "/stream" => -> { {streamed: 1} },
                   "/none" => -> {},
                   "/text" => -> { "no hash" },
                   "/bad" => -> { {value: Class.new { def to_s = raise("no text") }.new} }
                 })
    end

    it "adds typed fields to the line of the request, whatever its answer becomes" do
      server = start_server(app, log_requests: true, log_format: "json", threads: 1)
      %w[/types /raises /stream /none].each { |path| fetch(server, "GET", path) }
      types, raises, stream, none = json_lines(server, 4)

      expect(types.drop(11).to_h).to eq(
        "http_version" => "HTTP/1.1", "user" => "ann", "count" => 3, "big" => 2**70, "ratio" => 0.5,
        "far" => "Infinity", "yes" => true, "no" => false, "none" => nil, "symbol" => "word",
        "nested" => {a: [1]}.to_s, "odd" => "odd one", "latin" => "café"
      )
      expect(raises).to include("status" => 500, "seen" => "before")
      expect(stream).to include("status" => 200, "streamed" => 1)
      expect(none.keys.last).to eq("http_version")
    end

    it "takes no field of the server's own, stays one line, and is bounded" do
      server = start_server(app, log_requests: true, log_format: "json", threads: 1)
      %w[/forged /many].each { |path| fetch(server, "GET", path) }
      forged, many = json_lines(server, 2)

      expect(forged).to include("status" => 200, "path" => "/forged", "message" => "request", "fields_omitted" => 4)
      expect(forged).to include("line\n\e[31m" => "a\nb\u2028\u202e", "broken" => "\ufffd\ufffd", "\ufffd" => 1)
      expect(forged).not_to have_key("request_id")
      expect(many["key1"]).to eq("#{"x" * 1021}…")
      expect(many["fields_omitted"]).to be > 990
      expect(log_lines(server).grep(/access/).map(&:bytesize).max).to be < 6000
      expect(log_lines(server).join).not_to match(/[\e\u2028\u202e]/)
    end

    it "is told apart in text, too" do
      server = start_server(app, log_requests: true, threads: 1)
      fetch(server, "GET", "/forged")

      expect(access_lines(server, 1).first).to end_with(
        " HTTP/1.1 line\\x0a\\x1b[31m=a\\x0ab\\xe2\\x80\\xa8\\xe2\\x80\\xae broken=\\xff\\xfe \\xff=1 " \
        "mine=\"user=1 \\\"x\\\"\" fields_omitted=4\n"
      )
    end

    it "that is nonsense is an error line, and the request is served and logged all the same" do
      server = start_server(app, log_requests: true, threads: 1)
      expect(%w[/text /bad].map { |path| fetch(server, "GET", path).status }).to eq([200, 200])
      access_lines(server, 2)

      expect(log_lines(server).join)
        .to include("TypeError: String is no Hash (hyperion.log_extras, GET /text)",
                    "RuntimeError: no text (hyperion.log_extras, GET /bad)")
    end

    it "may come from a hook at the end of the request" do
      runtime = Hyperion::Runtime.new
      runtime.on_request_end { |_, env, response| (env["hyperion.log_extras"] ||= {})[:answer] = response.status }
      server = start_server(->(_env) { [201, {}, []] }, log_requests: true, log_format: "json", runtime: runtime)
      fetch(server, "GET", "/")

      expect(json_lines(server, 1).first).to include("answer" => 201)
    end
  end

  # What a hostile client sends, on any path into the log.
  describe "a client" do
    attacks = [
      "GET /a%0aINFO%20access: HTTP/1.1\r\nHost: a\r\nX-Request-Id: one user=admin \"status\":1\r\n\r\n",
      "GET /\xE2\x80\xA8\xE2\x80\xAE\xC2\x9B31m HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\xff\xc0\xaf?q=\"}{\"level\":\"fatal HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /#{"p" * 20_000}?#{"q" * 20_000} HTTP/1.1\r\nHost: a\r\nX-Request-Id: #{"i" * 9000}\r\n\r\n",
      "GET /\e[31m\n HTTP/1.1\r\nHost: a\r\n\r\n",
      "G\x00T / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX-A: a\rINFO access: forged\r\n\r\n"
    ].map(&:b)

    define_method(:attack) do |server|
      attacks.each do |bytes|
        connect(server) do |client|
          client.write(bytes)
          client.read_response
        end
      end
      connect(server) { |client| client.fetch("GET", "/last") }
    end

    def expect_plain(text)
      expect(text).to be_valid_encoding
      # Nothing that ends a line or steers a terminal but the ends of lines themselves.
      expect(text.delete("\n")).not_to match(/[[:cntrl:]\u0080-\u009f\u2028-\u202e\u2066-\u2069]/)
      expect(text.lines.map(&:bytesize).max).to be < 6000
    end

    def whole_log(server)
      # What is in the middle of being written is not looked at.
      wait_until("the last request") { log_lines(server).join.force_encoding("UTF-8")[%r{\A.*/last.*\n}m] }
    end

    define_method(:count_of_attacks) { attacks.size }

    it "forges no line of text, and no field of one" do
      server = start_server(log_requests: true, log_level: "debug") { [200, {}, ["ok"]] }
      attack(server)
      text = whole_log(server)

      expect_plain(text)
      expect(text.lines).to all(match(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARN) (access|http): /))
      expect(text).to include('request_id="one user=admin \"status\":1"')
      expect(text.scan(" access: GET ").size).to be_between(4, count_of_attacks + 1)
    end

    it "forges no line of JSON, and no member of one" do
      server = start_server(log_requests: true, log_level: "debug", log_format: "json") { [200, {}, ["ok"]] }
      attack(server)
      text = whole_log(server)

      expect_plain(text)
      entries = text.lines.map { |line| JSON.parse(line) }
      expect(entries.map { |entry| entry["level"] }).to all(eq("debug").or(eq("info")).or(eq("warn")))
      expect(entries.filter_map { |entry| entry["request_id"] }).to include('one user=admin "status":1')
    end

    it "reaches a logger object with the same care" do
      lines = Thread::Queue.new
      logger = Struct.new(:lines) { def info(line) = lines << line }.new(lines)
      server = start_server(log_requests: true, logger: logger) { [200, {}, ["ok"]] }
      attack(server)
      server.stop
      taken = Array.new(lines.size) { lines.pop }

      expect_plain(taken.join("\n"))
      expect(taken).to all(match(/\A(access|http): /)).and include(/last/)
    end
  end

  describe "a logger that is an object", option: :logger do
    # Remembers what it was called with.
    def recorder(*levels)
      calls = Thread::Queue.new
      object = Object.new
      levels.each { |level| object.define_singleton_method(level) { |line| calls << [level, line] } }
      object.define_singleton_method(:calls) { calls }
      object
    end

    let(:failing) { ->(env) { env["PATH_INFO"] == "/fails" ? raise("no luck") : [200, {}, ["ok"]] } }

    def take(logger, count)
      wait_until("#{count} lines") { logger.calls.size >= count }
      Array.new(count) { logger.calls.pop }
    end

    it "gets requests as info, errors as error, without time and level, and nothing goes elsewhere" do
      logger = recorder(:info, :warn, :error)
      server = start_server(failing, log_requests: true, logger: logger, threads: 1)
      %w[/ /fails].each { |path| fetch(server, "GET", path) }
      server.log("warn", "careful")

      expect(take(logger, 4)).to contain_exactly(
        [:info, %r{\Aaccess: GET / 200 \d+\.\d{3}ms 2B 127\.0\.0\.1 HTTP/1\.1\z}], [:info, /\Aaccess: GET .fails 500 /],
        [:error, /\Aapp: RuntimeError: no luck \(application, GET .fails\) backtrace: /], [:warn, "server: careful"]
      )
      expect(log_lines(server)).to be_empty
    end

    it "needs no more than info" do
      logger = recorder(:info)
      server = start_server(failing, logger: logger)
      server.log("error", "bad")
      server.log("warn", "careful")

      expect(take(logger, 2)).to eq([[:info, "server: bad"], [:info, "server: careful"]])
    end

    it "gets Hashes where JSON is wanted" do
      logger = recorder(:info, :warn)
      app = lambda { |env|
        env["hyperion.log_extras"] = {user: 7}
        [200, {}, []]
      }
      server = start_server(app, log_requests: true, logger: logger, log_format: "json")
      fetch(server, "GET", "/path?a=b")

      expect(take(logger, 1).first.last).to include(
        level: "info", source: "access", message: "request", method: "GET", path: "/path", query: "a=b", status: 200,
        duration_ms: Float, remote_addr: "127.0.0.1", http_version: "HTTP/1.1", user: 7
      )
    end

    it "may be Ruby's own, in production, too" do
      text = StringIO.new
      server = start_server(failing, log_requests: true, logger: Logger.new(text), environment: "production")
      fetch(server, "GET", "/")
      wait_until("the line") { text.string.include?("access") }

      expect(text.string).to match(%r{\AI, .* INFO -- : access: GET / 200 })
    end

    it "that hangs stops nobody; what it misses is counted, and the stop does not wait for it" do
      hanging = Object.new
      hanging.define_singleton_method(:info) { |_line| sleep }
      server = start_server(failing, log_requests: true, logger: hanging)
      connect(server) { |client| 50.times { client.fetch("GET", "/") } }
      long = "x" * 30_000
      wait_until("dropped lines") { server.log("info", long) || server.stats[:log_lines_dropped] > 5 }
      wait_until("the report") do
        log_lines(server).grep(/WARN log: log lines were dropped because nobody took them: /).any?
      end

      expect(fetch(server, "GET", "/").status).to eq(200)
      begin_at = monotonic
      server.stop
      expect(monotonic - begin_at).to be < 10
    end

    it "that raises is told of on standard error, counted, and asked again" do
      calls = Thread::Queue.new
      raising = Object.new
      raising.define_singleton_method(:info) do |line|
        calls << line
        raise NotImplementedError, "full" unless line.include?("last")
      end
      server = start_server(failing, logger: raising)
      expect do
        %w[first second last].each { |word| server.log("info", word) }
        wait_until("all lines") { calls.size == 3 }
        server.stop
      end.to output(/ERROR log: the logger \(Object\) raised \(NotImplementedError: full\); lines lost: 1$/).to_stderr
      expect(server.stats[:log_lines_dropped]).to eq(2)
    end

    it "may be set for every server that starts from now on" do
      Hyperion.logger = logger = recorder(:info)
      expect(Hyperion.logger).to be(logger)
      server = start_server(failing, log_requests: true)
      fetch(server, "GET", "/")

      expect(take(logger, 1).first.last).to start_with("access: GET / 200 ")
    ensure
      Hyperion.logger = nil
      expect(Hyperion.logger).to be(Hyperion::Logger.default)
    end

    it "must have info" do
      message = "42 is not allowed, expected an object with a method info"
      expect { Hyperion.logger = 42 }.to raise_error(ArgumentError, "Hyperion.logger: #{message}")
      expect { Hyperion::Server.new(app: failing, logger: 42) }
        .to raise_error(ArgumentError, "Hyperion::Server: logger: #{message}")
    end
  end
end
