# frozen_string_literal: true

RSpec.describe "hijacking" do
  def hijacking(**options, &block)
    start_server(**options) do |env|
      block.call(env)
    end
  end

  describe "full", no_lint: {rack_2: "the socket that Lint hands out is no IO"} do
    it "hands over a real socket, which IO.select and the rest of Ruby take" do
      seen = Queue.new
      server = hijacking do |env|
        io = env["rack.hijack"].call
        seen << [io.class, io.sync, env["rack.hijack_io"].equal?(io), io.remote_address.ip_port]
        Thread.new do
          IO.select([io]) # rubocop:disable Lint/IncompatibleIoSelectWithFiberScheduler
          io.write("echo: #{io.readpartial(100)}")
          io.close
        end
        [500, {"x" => "ignored"}, ["ignored"]]
      end
      client = connect(server)
      client.request
      expect(seen.pop).to eq([TCPSocket, true, true, client.socket.local_address.ip_port])
      client.write("hello")
      expect(client.read_all).to eq("echo: hello")
    end

    it "fails after the stop of the server, for a thread that outlives it" do
      inside = Queue.new
      go_on = Queue.new
      outcome = Queue.new
      server = hijacking(threads: 1) do |env|
        Thread.handle_interrupt(Object => :never) do
          inside << true
          go_on.pop
          env["rack.hijack"].call
        rescue SystemCallError => error
          outcome << error.class
        end
        [200, {}, []]
      end
      connect(server).request
      inside.pop
      expect(server.stop(0)).to be(false)
      go_on << true

      expect(outcome.pop).to be(Errno::ECONNRESET)
    end

    it "gives bytes beyond the request to the hijacker" do
      server = hijacking do |env|
        io = env["rack.hijack"].call
        Thread.new do
          io.write("got #{io.read(11)}|#{io.readpartial(100)}")
          io.close
        end
        [200, {}, []]
      end
      client = connect(server)
      client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\nfirst bytes")
      client.write(" and more") if client.socket.wait_writable
      expect(client.read_all).to match(/\Agot first bytes\| and more\z/)
    end

    it "passes megabytes both ways when bytes had been read already" do
      content = Random.new(7).bytes(3 << 20)
      server = hijacking do |env|
        io = env["rack.hijack"].call
        Thread.new do
          echo = io.read(content.bytesize)
          io.write(echo)
          io.close
        end
        [200, {}, []]
      end
      client = connect(server)
      writer = Thread.new { client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n", content) }
      expect(client.read(content.bytesize) == content).to be(true)
      writer.join
      expect(client.closed_by_server?).to be(true)
    end

    it "loses nothing of what it writes, though the client's bytes beyond the request stay unread" do
      content = Random.new(8).bytes(600_000)
      server = hijacking do |env|
        io = env["rack.hijack"].call
        io.write(env["PATH_INFO"] == "/short" ? "short" : content)
        io.close
        [200, {}, []]
      end
      10.times do
        connect(server) do |client|
          client.write("GET /short HTTP/1.1\r\nHost: a\r\n\r\n\x81\x05hello")
          expect(client.read_all).to eq("short")
        end
      end
      client = connect(server)
      client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n\x81\x05hello")
      expect(client.read_all == content).to be(true)
    end

    it "leaves the connection alone for good: the application may answer long after the request" do
      ios = Queue.new
      server = hijacking(idle_keepalive: 1, header_timeout: 1) do |env|
        ios << env["rack.hijack"].call
        [200, {}, []]
      end
      client = connect(server).request
      io = ios.pop
      sleep 1.3 # longer than every time-out of the server
      io.write("late")
      io.close
      expect(client.read_all).to eq("late")
    end

    it "cannot happen twice, nor after the request" do
      kept = Queue.new
      server = hijacking do |env|
        io = env["rack.hijack"].call
        second = env["rack.hijack"].call rescue $! # rubocop:disable Style/RescueModifier
        kept << env["rack.hijack"] << second
        io.close
        [200, {}, []]
      end
      connect(server) { |client| expect(client.request.read_all).to eq("") }
      hijack = kept.pop
      expect(kept.pop).to be_a(IOError)
      wait_until { (hijack.call rescue $!.message) =~ /after the request is over/ } # rubocop:disable Style/RescueModifier
    end

    it "closes a body, whatever else is in the response" do
      body = Support::Bodies::EachOnly.new("x")
      server = hijacking do |env|
        env["rack.hijack"].call.close
        [200, {}, body]
      end
      connect(server).request.read_all
      wait_until { body.closed == 1 }
    end

    ["raise 'after hijack'", ":nonsense", "throw :away", "Thread.current.kill"].each do |ending|
      it "leaves the socket with the application when that ends with #{ending}" do
        ios = Queue.new
        server = hijacking do |env|
          ios << env["rack.hijack"].call
          eval(ending) # rubocop:disable Security/Eval
        end
        client = connect(server).request
        io = ios.pop
        io.write("mine")
        io.close
        expect(client.read_all).to eq("mine")
        wait_until { server.stats[:threads] == 5 }
      end
    end

    it "works from a thread that the application made" do
      server = hijacking do |env|
        io = Thread.new { env["rack.hijack"].call }.value
        io.write("from a thread")
        io.close
        [200, {}, []]
      end
      connect(server) { |client| expect(client.request.read_all).to eq("from a thread") }
    end

    it "raises when the client is gone" do
      gate = Queue.new
      result = Queue.new
      server = hijacking do |env|
        gate.pop
        io = env["rack.hijack"].call
        result << (io.read rescue $!) # rubocop:disable Style/RescueModifier
      rescue SystemCallError => error
        result << error
        [200, {}, []]
      end
      client = connect(server).request
      wait_until { server.stats[:requests_dispatched] == 1 }
      client.reset
      wait_until { server.stats[:connections_active].zero? }
      gate << :go
      expect(result.pop).to be_a(SystemCallError)
    end

    it "may race with the end of the request on another thread" do
      hijackers = Queue.new
      server = hijacking do |env|
        hijackers << Thread.new { env["rack.hijack"].call rescue $! } # rubocop:disable Style/RescueModifier
        [200, {"content-type" => "text/plain"}, ["answered"]]
      end
      20.times do
        client = connect(server).request
        result = hijackers.pop.value
        expect(result).to be_a(BasicSocket).or be_a(IOError)
        result.is_a?(IOError) ? expect(client.read_response.body).to(eq("answered")) : result.close
        client.close
      end
      wait_until { server.stats[:connections_active].zero? }
    end
  end

  describe "partial" do
    it "calls the header's callable with the socket, once the head is sent",
       no_lint: "the socket that Lint hands out is no IO" do
      server = hijacking do
        [200, {"x-a" => "b", "rack.hijack" => lambda { |io|
          io.write("raw #{io.class}")
          io.close
        }}, []]
      end
      client = connect(server).request
      head = client.read_head
      expect(head.headers).to include("x-a" => "b", "connection" => "close")
      expect(head.headers.keys & %w[rack.hijack transfer-encoding content-length]).to be_empty
      expect(client.read_all).to eq("raw TCPSocket")
    end

    it "may go on after the call, from another thread" do
      server = hijacking do
        [200, {"rack.hijack" => ->(io) { Thread.new { io.write("later") && io.close } }}, []]
      end
      client = connect(server).request
      client.read_head
      expect(client.read_all).to eq("later")
    end

    it "gets the head's protocol from a 101 with a streaming body",
       no_lint: "readpartial is not of the SPEC's stream" do
      server = hijacking do |env|
        protocol = env["rack.protocol"]&.first
        body = lambda do |io|
          io.write("<#{io.readpartial(10)}>")
          io.close
        end
        [101, {"upgrade" => protocol}, body]
      end
      client = connect(server).request("GET", "/", {"Connection" => "upgrade", "Upgrade" => "echo"})
      head = client.read_head
      expect(head).to have_attributes(status: 101)
      expect(head.headers).to include("upgrade" => "echo", "connection" => "upgrade")
      client.write("ping")
      expect(client.read_all).to eq("<ping>")
    end

    it "makes a 101 of the header rack.protocol", no_lint: {rack_2: "2.2 knows no rack.protocol"} do
      server = hijacking { [200, {"rack.protocol" => "echo"}, :close.to_proc] }
      head = connect(server).request("GET", "/", {"Connection" => "upgrade", "Upgrade" => "echo"}).read_head
      expect(head).to have_attributes(status: 101)
      expect(head.headers).to include("upgrade" => "echo", "connection" => "upgrade")
    end

    it "logs what the callable raises" do
      server = hijacking { [200, {"rack.hijack" => ->(_) { raise "in hijack" }}, []] }
      client = connect(server).request
      client.read_head
      wait_until { log_lines(server).any? }
      expect(log_lines(server)).to contain_exactly(/RuntimeError: in hijack \(rack\.hijack, GET/)
    end
  end
end
