# frozen_string_literal: true

RSpec.describe Hyperion::Server::AppPool do
  def app_threads
    Thread.list.select { |thread| thread.alive? && thread.name.to_s.start_with?("hyperion app") }
  end

  # A server whose application answers with its thread's name, /stay only when the queue has something.
  def start(threads, **options)
    release = Thread::Queue.new
    server = start_server(threads: threads, log_level: "fatal", **options) do |env|
      release.pop if env["PATH_INFO"] == "/stay"
      [200, {}, [Thread.current.name]]
    end
    [server, release]
  end

  it "has its threads from the start, with names" do
    start(3)

    wait_until("three threads") { app_threads.map(&:name).sort == (1..3).map { |number| "hyperion app #{number}" } }
  end

  it "replaces a thread that was killed, idle or in a request" do
    server, release = start(2)
    wait_until("two threads") { app_threads.size == 2 }
    before = app_threads
    before.first.kill
    wait_until("another thread") { app_threads.size == 2 && app_threads != before }

    client = connect(server).request("GET", "/stay")
    wait_until("the request") { server.stats[:queue_depth].zero? && server.stats[:requests_dispatched] == 1 }
    before = app_threads
    before.each(&:kill)
    expect(client.read_response.status).to eq(500)
    wait_until("two other threads") { app_threads.size == 2 && !app_threads.intersect?(before) }
    expect(Array.new(5) { fetch(server).status }).to all(eq(200))
    release << nil
  end

  it "survives many deaths at once" do
    server, = start(4)
    20.times do
      wait_until("four threads") { app_threads.size == 4 }
      app_threads.each(&:kill)
    end

    wait_until("four threads") { app_threads.size == 4 }
    expect(fetch(server).status).to eq(200)
  end

  it "survives an exception from outside with as many threads" do
    server, = start(2)
    wait_until("two threads") { app_threads.size == 2 }
    app_threads.each { |thread| thread.raise(IOError, "from outside") }

    expect(Array.new(5) { fetch(server).status }).to all(eq(200))
    wait_until("two threads") { app_threads.size == 2 }
  end

  it "grows to its maximum while all are blocked, from no thread at all, and not beyond" do
    ["0:4", "1:4"].each do |threads|
      server, release = start(threads)
      clients = Array.new(7) { connect(server).request("GET", "/stay") }
      wait_until("four requests inside") { server.stats.values_at(:threads, :queue_depth) == [4, 3] }
      expect(app_threads.size).to eq(4)

      7.times { release << true }
      expect(clients.map { |client| client.read_response.status }).to all(eq(200))
      server.stop
    end
  end

  it "shrinks to its minimum once there is nothing to do, and grows again" do
    server, release = start("1:3")
    fill = lambda do
      clients = Array.new(3) { connect(server).request("GET", "/stay") }
      wait_until("three requests inside") { server.stats.values_at(:threads, :queue_depth) == [3, 0] }
      3.times { release << true }
      expect(clients.map { |client| client.read_response.status }).to all(eq(200))
    end
    fill.call
    # After ten seconds of rest.
    wait_until("one thread", patience: 60) { server.stats[:threads] == 1 && app_threads.size == 1 }
    fill.call
  end

  it "starts without a thread where none is needed" do
    server, = start("0:2")
    expect(app_threads).to eq([])

    expect(fetch(server).body).to eq("hyperion app 1")
  end

  it "does not replace a thread that dies while it stops" do
    server, = start(3)
    connect(server).request("GET", "/stay")
    wait_until("the request") { server.stats[:requests_dispatched] == 1 }
    stopping = Thread.new { server.stop(0.2) }
    wait_until("the stop") { !server.running? }
    app_threads.each(&:kill)
    stopping.join

    expect(app_threads).to eq([])
  end

  it "leaves a thread that cannot be killed behind, and everything else stops" do
    entered = Thread::Queue.new
    release = Thread::Queue.new
    server = start_server(threads: 2, log_level: "fatal") do |_env|
      Thread.handle_interrupt(Object => :never) do
        entered << true
        release.pop
      end
      [200, {}, []]
    end
    client = connect(server).request
    entered.pop

    expect(server.stop(0)).to be(false)
    expect(client.read_all(reset_ok: true)).to eq("")
    expect(app_threads.size).to eq(1)
    release << true
    wait_until("the last thread to end") { app_threads.empty? }
  end
end
