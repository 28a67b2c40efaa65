# frozen_string_literal: true

require "timeout"

RSpec.describe "applications that misbehave" do
  threads = 3

  # A server whose application does `act` for "/bad", and can show that all its threads serve at the same time.
  def misbehaving(**options, &act)
    barrier = Queue.new
    @arrived = Queue.new
    @barrier = barrier
    arrived = @arrived
    start_server(min_threads: 3, max_threads: 3, **options) do |env|
      case env["PATH_INFO"]
      when "/bad" then act.call(env)
      when "/together"
        arrived << true
        barrier.pop
        ok("together")
      else ok("good")
      end
    end
  end

  def expect_all_threads(server, count)
    wait_until("#{count} threads") { server.stats[:threads] == count }
    clients = Array.new(count) { connect(server).request("GET", "/together") }
    Timeout.timeout(20) { count.times { @arrived.pop } }
    count.times { @barrier << :go }
    clients.each { |client| expect(client.read_response.body).to eq("together") }
  end

  odd_error = Class.new(StandardError) do
    def message = raise("no message")
    def backtrace = raise("no backtrace")
  end
  killing_error = Class.new(StandardError) { def message = Thread.current.kill }

  {
    "raises a StandardError" => [lambda {
      raise ArgumentError, "text"
    }, /ArgumentError: text \(application, GET \/bad\) backtrace: .*thread_misbehaviour_spec\.rb:\d+.* <- /],
    "raises an Exception" => [-> { raise Exception, "bare" }, /Exception: bare/], # rubocop:disable Lint/RaiseException
    "raises NoMemoryError" => [-> { raise NoMemoryError, "none" }, /NoMemoryError: none/],
    "raises ScriptError" => [-> { raise NotImplementedError, "later" }, /NotImplementedError: later/],
    "raises SecurityError" => [-> { raise SecurityError, "no" }, /SecurityError/],
    "raises Interrupt" => [-> { raise Interrupt, "int" }, /Interrupt: int/],
    "raises SignalException" => [-> { raise SignalException, "TERM" }, /SignalException/],
    "runs out of stack" => [lambda {
      deep = ->(n) { deep.call(n + 1) + 1 }
      deep.call(0)
    }, /SystemStackError: stack level too deep/],
    "throws" => [-> { throw :nobody_catches }, /UncaughtThrowError/],
    "exits" => [-> { exit 3 }, /SystemExit/],
    "aborts" => [-> { abort }, /SystemExit/],
    "stops iterating" => [-> { raise StopIteration, "stop" }, /StopIteration/],
    "kills its thread" => [lambda {
      Thread.current.kill
    }, /an app thread was killed while it served a request \(application, GET \/bad\)/],
    "exits its thread" => [-> { Thread.exit }, /an app thread was killed/],
    "is killed inside ensure and rescue" => [lambda {
      begin
        Thread.exit
      ensure
        begin
          raise "inner"
        rescue StandardError
          nil
        end
      end
    }, /an app thread was killed/],
    "raises an exception without a message" => [lambda {
      raise odd_error
    }, /: \(its message cannot be had\) \(application/],
    "raises an exception whose message kills" => [-> { raise killing_error }, /its message cannot be had/],
    "raises with lines in the message" => [-> { raise "one\ntwo\r\nthree\0" }, /one.*two.*three/],
    "returns with an unfinished fiber" => [-> { Fiber.new { raise "in fiber" }.resume }, /in fiber/]
  }.each do |what, (act, line)|
    it "gets a 500, one log line, and keeps all threads when it #{what}" do
      server = misbehaving { act.call }
      4.times do |i|
        expect(fetch(server, "GET", "/bad")).to have_attributes(status: 500, body: "Internal Server Error\n")
        wait_until { log_lines(server).size >= i + 1 }
      end
      expect_all_threads(server, threads)
      expect(log_lines(server).size).to eq(4)
      expect(log_lines(server)).to all(match(line))
      expect(fetch(server).body).to eq("good")
    end
  end

  it "closes the body and calls the callbacks when the thread is killed in the body" do
    body = Support::Bodies::EachOnly.new
    body.define_singleton_method(:each) do |&out|
      out.call("part")
      Thread.current.kill
    end
    body.define_singleton_method(:close) do
      super()
      raise "in close" rescue nil # rubocop:disable Style/RescueModifier
    end
    finished = Queue.new
    server = misbehaving do |env|
      env["rack.response_finished"] << ->(*) { finished << true }
      [200, {}, body]
    end
    3.times do
      connect(server) { |client| expect { client.fetch("GET", "/bad") }.to raise_error(Support::RawClient::Truncated) }
      expect(Timeout.timeout(20) { finished.pop }).to be(true)
    end
    expect_all_threads(server, threads)
    expect(body.closed).to eq(3)
  end

  it "gets a 500 when its status, headers or path raise", no_lint: "raises where Lint looks" do
    odd = Object.new
    def odd.to_i = raise("to_i")
    path = Support::Bodies::EachOnly.new("x")
    def path.to_path = raise("to_path")
    answers = [[odd, {}, []], [200, Object.new.tap { |o| def o.each = raise("each") }, []], [200, {}, path]]
    server = misbehaving { answers.shift }
    3.times { expect(fetch(server, "GET", "/bad").status).to eq(500) }
    wait_until { log_lines(server).size == 3 }
    wait_until { path.closed == 1 }
    expect_all_threads(server, threads)
  end

  it "logs a deep backtrace without its end" do
    server = misbehaving do
      deep = ->(n) { n.zero? ? raise("deep") : deep.call(n - 1) }
      deep.call(2000)
    end
    fetch(server, "GET", "/bad")
    wait_until { log_lines(server).any? }
    expect(log_lines(server).first.bytesize).to be_between(10_000, 40_000)
  end

  it "is served on when threads are killed from outside, in requests and between them" do
    apps = Queue.new
    server = misbehaving do
      apps << Thread.current
      sleep
    end
    5.times do
      client = connect(server).request("GET", "/bad")
      Timeout.timeout(20) { apps.pop }.kill
      expect(client.read_response.status).to eq(500)
    end
    10.times do
      victim = Thread.list.select { |thread| thread.name.to_s.start_with?("hyperion app") }.sample&.kill
      # 500: the kill arrived when the thread had the next request already.
      expect(fetch(server).status).to eq(200).or eq(500)
      wait_until("the thread's end") { !victim&.alive? }
    end
    expect_all_threads(server, threads)
  end

  it "drops and logs an exception that arrives between two requests" do
    server = misbehaving { ok("x") }
    fetch(server, "GET", "/bad")
    idle = Thread.list.select { |thread| thread.name.to_s.start_with?("hyperion app") }
    idle.each { |thread| thread.raise(ArgumentError, "late") }
    wait_until { log_lines(server).size == threads }
    expect(log_lines(server)).to all(match(/from outside between two requests and was dropped: ArgumentError/))
    expect_all_threads(server, threads)
  end

  it "loses no request and answers none wrongly when exceptions fall from outside under load",
     no_lint: {rack_2: "Lint takes any exception for a bad authority"} do
    seen = Hash.new(0)
    server = start_server(min_threads: 3, max_threads: 3) do |env|
      ok(env["PATH_INFO"])
    end
    names = -> { Thread.list.select { |thread| thread.name.to_s.start_with?("hyperion app") } }
    stop = false
    attacker = Thread.new do
      until stop
        names.call.sample&.raise(RuntimeError, "from outside")
        sleep 0.0005
      end
    end
    clients = Array.new(4) do |number|
      Thread.new do
        connect(server) do |client|
          400.times do |i|
            response = client.fetch("GET", "/#{number}/#{i}")
            seen[response.status] += 1
            raise "wrong: #{response.body}" if response.status == 200 && response.body != "/#{number}/#{i}"
          end
        end
      end
    end
    clients.each(&:value)
    stop = true
    attacker.join
    expect(seen.keys - [200, 500]).to be_empty
    expect(seen.values.sum).to eq(1600)
    expect(seen[200]).to be > 400
    wait_until { server.stats[:threads] == 3 }
    dropped = -> { log_lines(server).count { |line| line.include?("was dropped") } }
    expect(log_lines(server).grep_v(/was dropped|RuntimeError: from outside/)).to eq([])
    expect(dropped.call).to be_positive
  end

  it "does not mistake a Timeout of the application for its own" do
    server = misbehaving do
      Timeout.timeout(0.02) { sleep 5 }
    rescue Timeout::Error
      ok("timed out")
    end
    5.times { expect(fetch(server, "GET", "/bad").body).to eq("timed out") }
    expect(log_lines(server)).to eq([])
  end
end
