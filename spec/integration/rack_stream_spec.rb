# frozen_string_literal: true

RSpec.describe "streaming" do
  let(:text) { {"content-type" => "text/plain"} }

  # A server whose application answers with a streaming body: the block gets the stream.
  def streaming(headers: text, **options, &block)
    start_server(**options) { [200, headers, block] }
  end

  def each_body(&block)
    Object.new.tap { |body| body.define_singleton_method(:each, &block) }
  end

  describe "of each bodies" do
    it "has each chunk on the wire while the body still runs" do
      gate = Queue.new
      server = start_server do
        [200, text, each_body { |&out| 3.times { |i| gate.pop && out.call("event #{i}\n") } }]
      end
      connect(server) do |client|
        client.request
        3.times do |i|
          gate << :go
          client.read_head if i.zero?
          size = Integer(client.read_line, 16)
          expect(client.read(size + 2)).to eq("event #{i}\n\r\n")
        end
        expect(client.read_all(reset_ok: true).to_s).to start_with("0\r\n\r\n") if client.close_write
      end
    end

    it "sends the head without waiting for a first chunk that does not come" do
      gate = Queue.new
      server = start_server { [200, text, each_body { |&out| out.call(gate.pop) }] }
      connect(server) do |client|
        client.request
        expect(client.read_head.status).to eq(200)
        gate << "late"
        expect(client.read_line).to eq("4\r\n")
      end
    end

    it "sends head and first chunk in one segment when both are there" do
      server = start_server { [200, text, each_body { |&out| out.call("first") }] }
      connect(server) do |client|
        together = Array.new(20) do
          client.request
          client.socket.wait_readable(10)
          client.socket.recv(65_536).include?("first").tap do
            client.socket.wait_readable(0.2) && client.socket.recv_nonblock(100, exception: false)
          end
        end
        expect(together.count(true)).to be > 10 # the rest: this thread was not scheduled within a millisecond
      end
    end

    it "frees the thread of a body that fits into memory and the spill file, whatever the client does" do
      piece = "p" * 65_536
      finished = Queue.new
      server = start_server(min_threads: 1, max_threads: 1) do |env|
        next ok("quick") if env["PATH_INFO"] == "/quick"

        [200, text, each_body { |&out| 160.times { out.call(piece) } && finished << :done }] # 10 MiB
      end
      clients = Array.new(3) { connect(server).request }
      3.times { expect(finished.pop).to eq(:done) }
      expect(fetch(server, "GET", "/quick").body).to eq("quick")
      clients.each { |client| expect(client.read_response.body.bytesize).to eq(160 * 65_536) }
    end

    it "makes the producer wait beyond that, and goes on when the client reads" do
      produced = 0
      piece = "p" * (1 << 20)
      body = each_body do |&out|
        128.times do
          out.call(piece)
          produced += 1
        end
      end
      server = start_server { [200, text, body] }
      client = connect(server).request
      wait_until("the producer stands") do
        before = produced
        sleep 0.3
        before == produced && before.positive?
      end
      expect(produced).to be_between(64, 100)
      expect(client.read_response.body.bytesize).to eq(128 << 20)
      expect(produced).to eq(128)
    end
  end

  describe "of callable bodies", no_lint: {rack_2: "2.2 knows no streaming bodies"} do
    it "sends the head first, before anything is written" do
      gate = Queue.new
      server = streaming do |stream|
        gate.pop
        stream.write("done")
        stream.close
      end
      connect(server) do |client|
        expect(client.request.read_head.status).to eq(200)
        gate << :go
        expect(client.read(9)).to eq("4\r\ndone\r\n")
      end
    end

    it "has each write on the wire at once" do
      gate = Queue.new
      server = streaming do |stream|
        while (message = gate.pop) do stream << message end
        stream.close
      end
      connect(server) do |client|
        client.request.read_head
        ["one", "two\n"].each do |message|
          gate << message
          expect(client.read_line).to eq("#{message.bytesize}\r\n")
          expect(client.read(message.bytesize + 2)).to eq("#{message}\r\n")
        end
        gate << nil
        expect(client.read(5)).to eq("0\r\n\r\n")
      end
    end

    it "writes several values, any object's text, and counts bytes; << and flush return the stream",
       no_lint: "writes what is no String" do
      results = nil
      server = streaming do |stream|
        results = [stream.write("a", "bc"), stream.write, stream.write(12, :x, nil, "\u00e9"),
                   (stream << "y").equal?(stream), stream.flush.equal?(stream)]
        stream.close
      end
      expect(fetch(server).body).to eq("abc12x\u00e9y".b)
      expect(results).to eq([3, 0, 5, true, true])
    end

    it "takes objects whose to_s returns nonsense" do
      server = streaming do |stream|
        odd = Object.new
        def odd.to_s = 42
        stream.write(odd)
        stream.close
      end
      expect(fetch(server).body).to start_with("#<Object")
    end

    it "makes the producer wait once memory and the spill file are full, byte for byte right" do
      written = 0
      piece = Random.new(5).bytes(1_000_003)
      server = streaming do |stream|
        128.times { written += stream.write(piece) || 0 }
        stream.close
      end
      client = connect(server).request
      wait_until("the producer stands") do
        before = written
        sleep 0.3
        before == written && before.positive?
      end
      # 64 MiB, memory and the sockets' buffers, of which the kernel makes up to 4 MiB on either side.
      expect(written).to be_between(64 << 20, 100_000_000)
      expect(client.read_response.body == piece * 128).to be(true)
    end

    it "frees the thread of a body that fits into memory and the spill file, whatever the client does" do
      piece = "p" * 65_536
      finished = Queue.new
      server = start_server(min_threads: 1, max_threads: 1) do |env|
        next ok("quick") if env["PATH_INFO"] == "/quick"

        body = proc do |stream|
          160.times { stream.write(piece) } # 10 MiB
          stream.close
          finished << :done
        end
        [200, text, body]
      end
      clients = Array.new(3) { connect(server).request }
      3.times { expect(finished.pop).to eq(:done) }
      expect(fetch(server, "GET", "/quick").body).to eq("quick")
      clients.each { |client| expect(client.read_response.body.bytesize).to eq(160 * 65_536) }
    end

    it "raises EPIPE in a writer whose client is gone, waiting or not" do
      error = Queue.new
      server = streaming do |stream|
        loop { stream.write("x" * 50_000) }
      rescue SystemCallError => e
        error << e
        stream.close
      end
      connect(server).tap { |client| client.request.read_head }.reset
      expect(error.pop).to be_a(Errno::EPIPE)
      expect(log_lines(server)).to eq([])
    end

    it "logs nothing of an EPIPE that the application lets through, for clients leave all day" do
      over = Queue.new
      server = streaming(lint: false) do |stream|
        loop { stream.write("x" * 50_000) }
      ensure
        over << true
      end
      connect(server).tap { |client| client.request.read_head }.reset
      over.pop
      expect(server.stop).to be(true)
      expect(log_lines(server).grep(/EPIPE/)).to eq([])
    end

    it "closes the connection of a client that has left in the middle, with nothing unread" do
      leave = Queue.new
      server = streaming(lint: false) do |stream|
        stream.write("a")
        leave.pop
        stream.write("b")
        stream.close
      end
      client = connect(server).request
      client.read_head
      client.close_write
      # The end of the client's side is there before the rest of the answer.
      sleep 0.05
      leave << true
      expect(client.read_all).to end_with("0\r\n\r\n")
      expect(client.closed_by_server?).to be(true)
      wait_until("the connection is forgotten") { server.stats[:connections_active].zero? }
    end

    it "raises IOError on a closed stream" do
      errors = []
      server = streaming do |stream|
        stream.write("a")
        stream.close_write
        stream.close_write
        refused = lambda do |&block|
          block.call
        rescue IOError => error
          error.message
        end
        errors << refused.call { stream.write("b") } << stream.closed?
        stream.close_read
        errors << refused.call { stream.read } << refused.call { stream.write("c") } << stream.closed? << stream.close
      end
      expect(fetch(server).body).to eq("a")
      expect(errors).to eq(["not opened for writing", false, "closed stream", "closed stream", true, nil])
    end

    it "reads the request's body" do
      server = streaming do |stream|
        buffer = +""
        stream.read(2, buffer)
        stream << "#{buffer}|#{stream.read}|#{stream.read(1).inspect}"
        stream.close
      end
      expect(fetch(server, "POST", "/", {}, "abcdef").body).to eq("ab|cdef|nil")
    end

    it "goes on from another thread after call has returned, and the app thread is free" do
      gate = Queue.new
      server = start_server(min_threads: 1, max_threads: 1) do |env|
        next ok("quick") if env["PATH_INFO"] == "/quick"

        body = lambda do |stream|
          Thread.new do
            while (message = gate.pop) do stream << message end
            stream.close
          end
        end
        [200, text, body]
      end
      connect(server) do |client|
        client.request.read_head
        expect(fetch(server, "GET", "/quick").body).to eq("quick")
        gate << "from afar"
        expect(client.read(14)).to eq("9\r\nfrom afar\r\n")
        gate << nil
        expect(client.read(5)).to eq("0\r\n\r\n")
        expect(client.fetch("GET", "/quick").body).to eq("quick")
      end
    end

    it "keeps the pieces of many threads whole" do
      pieces = ("a".."h").map { |letter| letter * 30_011 }
      server = start_server do
        body = lambda do |stream|
          pieces.map { |piece| Thread.new { 20.times { stream.write(piece) } } }.each(&:join)
          stream.close
        end
        [200, text, body]
      end
      received = fetch(server).body
      expect(received.bytesize).to eq(8 * 20 * 30_011)
      expect(received.scan(/(.)\1*/m).flatten.size).to be <= 160
      expect(received.scan(/((.)\2*)/m).map { |run, _| run.bytesize % 30_011 }).to all(eq(0))
    end

    it "may be closed by one thread while another waits in a write" do
      outcome = Queue.new
      server = start_server do
        body = lambda do |stream|
          written = 0
          writer = Thread.new do
            loop { written += stream.write("x" * 1_000_000) }
          rescue IOError, SystemCallError => error
            outcome << error
          end
          # Memory and the spill file are full: it waits inside a write.
          wait_until { written > (64 << 20) && writer.stop? }
          stream.close
        end
        [200, text, body]
      end
      client = connect(server)
      client.request.read_head
      expect(outcome.pop.message).to match(/closed/)
      client.close
      server.stop(1)
    end

    it "lets a thread be killed that waits in a write" do
      thread = Queue.new
      server = start_server do
        body = lambda do |stream|
          thread << Thread.new { loop { stream.write("x" * 100_000) } }
        end
        [200, text, body]
      end
      client = connect(server)
      client.request.read_head
      writer = thread.pop
      wait_until { writer.status == "sleep" }
      writer.kill
      expect(writer.join(10)).to eq(writer)
      client.close
    end

    it "ends the response of a stream that nobody closed and the collector took" do
      server = start_server do
        [200, text, ->(stream) { stream << "forgotten" }]
      end
      body = nil
      reader = Thread.new { body = fetch(server).body }
      wait_until do
        GC.start
        # The last request's objects may still be on the stacks of idle threads.
        8.times { Thread.new { Array.new(50) { +"" }.sum(&:size) }.join }
        connect(server) { |client| client.request("GET", "/other").read_head }
        reader.join(0)
      end
      expect(body).to eq("forgotten")
    end

    it "cuts the response off when the body raises" do
      server = streaming do |stream|
        stream << "partial"
        raise "stream failed"
      end
      connect(server) { |client| expect { client.fetch }.to raise_error(Support::RawClient::Truncated) }
      wait_until { log_lines(server).any? }
      expect(log_lines(server)).to contain_exactly(/RuntimeError: stream failed \(body\.call, GET \//)
    end

    it "is not called for HEAD, 204 and 304" do
      called = 0
      body = ->(stream) { called += 1 and stream.close }
      server = start_server { |env| [Integer(env["PATH_INFO"][1..]), {}, body] }
      connect(server) do |client|
        expect(client.fetch("HEAD", "/200").status).to eq(200)
        expect(client.fetch("GET", "/204").status).to eq(204)
        expect(client.fetch("GET", "/304").status).to eq(304)
      end
      expect(called).to eq(0)
    end

    it "obeys a declared length" do
      server = streaming(headers: {"content-length" => "4"}) do |stream|
        stream << "12" << "3456"
        stream.close
      end
      connect(server) { |client| 2.times { expect(client.fetch.body).to eq("1234") } }
    end
  end
end
