# frozen_string_literal: true

require "timeout"

RSpec.describe "before and after the response" do
  let(:calls) { Queue.new }

  def call
    Timeout.timeout(Support::Waiting::PATIENCE) { calls.pop }
  end

  describe "early hints" do
    it "that another thread sends when the request is over touch nobody's", :aggregate_failures,
       no_lint: "hints that are no Hash" do
      gate = Queue.new
      outcome = Queue.new
      headers = Object.new
      headers.define_singleton_method(:each) { |&block| gate.pop && block.call("link", "</late>") }
      server = start_server(early_hints: true, threads: 3) do |env|
        if env["PATH_INFO"] == "/hints"
          hints = env["rack.early_hints"]
          Thread.new do
            hints.call(headers)
          rescue IOError => error
            outcome << error.message
          end
          wait_until("the thread to read the headers") { gate.num_waiting == 1 }
        end
        ok(env["PATH_INFO"])
      end
      expect(fetch(server, "GET", "/hints").body).to eq("/hints")
      gate << true

      expect(outcome.pop).to match(/over/)
      answers = Array.new(6) do |i|
        Thread.new { Array.new(20) { |n| fetch(server, "GET", "/#{i}/#{n}").then { |got| [got.status, got.body] } } }
      end
      expect(answers.map(&:value)).to eq(Array.new(6) { |i| Array.new(20) { |n| [200, "/#{i}/#{n}"] } })
    end

    it "are a 103 before the response" do
      server = start_server(early_hints: true) do |env|
        env["rack.early_hints"].call("link" => "</a.css>; rel=preload", "x-b" => "c")
        ok("final")
      end
      connect(server) do |client|
        hint = client.request.read_head
        expect(hint).to have_attributes(status: 103, headers: {"link" => "</a.css>; rel=preload", "x-b" => "c"})
        expect(client.read_response).to have_attributes(status: 200, body: "final")
      end
    end

    it "leave at once, and several may" do
      gate = Queue.new
      server = start_server(early_hints: true) do |env|
        2.times do |i|
          env["rack.early_hints"].call("link" => "<#{i}>")
          gate.pop
        end
        ok("x")
      end
      connect(server) do |client|
        client.request
        2.times do |i|
          expect(client.read_head.headers).to eq("link" => "<#{i}>")
          gate << :go
        end
        expect(client.read_response.status).to eq(200)
      end
    end

    it "are not sent to HTTP/1.0 clients" do
      server = start_server(early_hints: true) do |env|
        env["rack.early_hints"]&.call("link" => "x")
        ok("x", headers: {"content-length" => "1"})
      end
      connect(server) { |client| expect(client.request("GET", "/", version: "HTTP/1.0").read_head.status).to eq(200) }
    end

    it "are absent unless they are switched on" do
      expect(env_of).not_to have_key("rack.early_hints")
    end

    it "raise for bad headers, which never reach the wire, and after the request",
       no_lint: "control characters in a value" do
      kept = nil
      server = start_server(early_hints: true) do |env|
        kept = env["rack.early_hints"]
        error = kept.call("link" => "a\r\nevil: 1") rescue $! # rubocop:disable Style/RescueModifier
        ok(error.class.name)
      end
      connect(server) do |client|
        expect(client.request.read_response(interim: true)).to have_attributes(status: 200, body: "Hyperion::InvalidResponse")
      end
      expect { kept.call("link" => "x") }.to raise_error(IOError, /over/)
    end
  end

  describe "rack.response_finished" do
    it "is called in reverse order with env, status, headers and no error, when the response is out" do
      env_seen = nil
      server = start_server do |env|
        env_seen = env
        env["rack.response_finished"] << proc { |*arguments| calls << [1, arguments] }
        env["rack.response_finished"] << proc { |*arguments| calls << [2, arguments] }
        [201, {"content-type" => "text/plain", "x-a" => "b"}, ["x"]]
      end
      expect(fetch(server).status).to eq(201)
      number, (env, status, headers, error) = call
      expect([number, status, headers["x-a"], error]).to eq([2, 201, "b", nil])
      expect(env).to be(env_seen) unless ENV["HYPERION_LINT"]
      expect(call.first).to eq(1)
    end

    it "gets the application's error" do
      server = start_server do |env|
        env["rack.response_finished"] << proc { |*arguments| calls << arguments }
        raise "app failed"
      end
      expect(fetch(server).status).to eq(500)
      _, status, _, error = call
      expect([status, error.message]).to eq([500, "app failed"])
    end

    it "gets the error of a body" do
      server = start_server do |env|
        env["rack.response_finished"] << proc { |*arguments| calls << arguments.last }
        [200, {}, Support::Bodies::Failing.new("x")]
      end
      connect(server) { |client| client.request.read_head }
      expect(call.message).to eq("body failed")
    end

    it "may be added while the body is produced" do
      server = start_server do |env|
        body = Enumerator.new do |out|
          out << "x"
          env["rack.response_finished"] << proc { |*| calls << :late }
        end
        [200, {}, body]
      end
      expect(fetch(server).body).to eq("x")
      expect(call).to eq(:late)
    end

    it "gets an error when the client left before the end" do
      server = start_server do |env|
        env["rack.response_finished"] << proc { |*arguments| calls << arguments.last }
        [200, {}, Enumerator.new { |out| loop { out << "x" * 100_000 } }]
      end
      client = connect(server)
      client.request.read_head
      client.reset
      expect(call).to be_a(Hyperion::ClientDisconnected)
    end

    it "comes when the last byte has left, not before" do
      server = start_server do |env|
        env["rack.response_finished"] << proc { |*| calls << :finished }
        [200, {}, ["x" * (64 << 20)]]
      end
      client = connect(server)
      client.request.read_head
      sleep 0.1
      expect(calls).to be_empty
      client.read(64 << 20)
      expect(call).to eq(:finished)
    end

    it "goes on after one that raises, throws, or is no callable, and logs it" do
      server = start_server do |env|
        env["rack.response_finished"].push(proc { |*| calls << :first }, 42, proc { |*| throw :x }, proc { |*|
          raise "no"
        })
        ok("x")
      end
      expect(fetch(server).body).to eq("x")
      expect(call).to eq(:first)
      wait_until { log_lines(server).size == 3 }
      expect(log_lines(server)).to match([/RuntimeError: no \(rack\.response_finished/, /UncaughtThrowError/,
                                          /NoMethodError/])
      expect(fetch(server).body).to eq("x")
    end

    it "comes for a stream that another thread ends", no_lint: {rack_2: "2.2 knows no streaming bodies"} do
      server = start_server do |env|
        env["rack.response_finished"] << proc { |*arguments| calls << arguments.last }
        [200, {}, ->(stream) { Thread.new { stream << "x" and stream.close } }]
      end
      expect(fetch(server).body).to eq("x")
      expect(call).to be_nil
    end

    it "does not hold the connection: the next request is served meanwhile" do
      gate = Queue.new
      server = start_server(min_threads: 2, max_threads: 2) do |env|
        env["rack.response_finished"] << proc { |*| gate.pop } if env["PATH_INFO"] == "/slow"
        ok(env["PATH_INFO"])
      end
      connect(server) do |client|
        expect(client.fetch("GET", "/slow").body).to eq("/slow")
        expect(client.fetch("GET", "/next").body).to eq("/next")
      end
      gate << :go
    end
  end

  describe "rack.after_reply" do
    it "is called in order without arguments, after rack.response_finished" do
      server = start_server do |env|
        env["rack.after_reply"] << -> { calls << 1 } << -> { calls << 2 }
        env["rack.response_finished"] << ->(*) { calls << 0 }
        ok("x")
      end
      fetch(server)
      expect([call, call, call]).to eq([0, 1, 2])
    end

    it "may be replaced by the application" do
      server = start_server do |env|
        env["rack.after_reply"] = [-> { calls << :own }]
        ok("x")
      end
      fetch(server)
      expect(call).to eq(:own)
    end
  end

  it "leaves nothing behind when callbacks kill their thread" do
    server = start_server do |env|
      env["rack.after_reply"] << -> { Thread.current.kill }
      ok("x")
    end
    20.times { expect(fetch(server).body).to eq("x") }
    wait_until { server.stats[:threads] == 5 }
  end
end
