# frozen_string_literal: true

require_relative "../../clock"
require_relative "../content"
require_relative "connection"
require_relative "tally"

module Soak
  module Client
    # Plain requests over connections that are kept alive, at a fixed rate, from one thread: the one client whose
    # latencies count. Each request has its time. One that cannot be sent then, because all connections wait for
    # answers, is late, and its lateness is part of its latency: a server that stands still is charged for every request
    # that it kept from being sent. What this process itself oversleeps is not charged.
    class Plain
      include Bench::Clock

      # A connection and what it waits for.
      class Line
        attr_reader :socket
        attr_accessor :number, :began, :input

        def initialize(port)
          @socket = Socket.tcp("127.0.0.1", port)
          @socket.setsockopt(:TCP, :NODELAY, true)
          @input = String.new
        end
      end

      # @param path [String, nil] one path for all, whose body is `body`; nil: a small body of another number each time
      def initialize(port, tally, rate:, connections:, path: nil, body: nil)
        @port = port
        @tally = tally
        @period = 1.0 / rate
        @connections = connections
        @path = path
        @body = body
        @number = 0
      end

      # @param control [IO] the loop looks at it, too
      # @yield when control can be read; a false value ends the loop
      def run(control)
        @idle = Array.new(@connections) { Line.new(@port) }
        @busy = {}
        @next = clock
        @waited = false
        loop do
          send_what_is_due
          pause = @idle.empty? ? 1 : (@next - clock).clamp(0, 1)
          ready, = IO.select([control, *@busy.keys], nil, nil, pause)
          (ready || []).each { |io| io == control ? (yield || (return finish)) : receive(@busy[io]) }
          give_up_the_lost
        end
      end

      private

      def send_what_is_due
        while (now = clock) >= @next
          line = @idle.shift
          return @waited = true unless line

          # Our own delay is none of the server's; that of a request which found no connection free is.
          ask(line, @waited ? @next : now)
          @next += @period
          # After a stall of this process alone there is nothing to catch up with.
          @next = now if !@waited && now - @next > 0.1
          @waited = false if @next > now
        end
      end

      def ask(line, began)
        line.number = @number += 1
        line.began = began
        @busy[line.socket] = line
        line.socket.write("GET #{@path || "/plain/#{@number}"} HTTP/1.1\r\nHost: soak\r\n\r\n")
      rescue SystemCallError => error
        lose(line, error.message)
      end

      def receive(line)
        part = line.socket.read_nonblock(65_536, exception: false)
        return if part == :wait_readable
        return lose(line, "closed by the server") unless part

        line.input << part
        judge(line) if whole?(line)
      rescue SystemCallError => error
        lose(line, error.message)
      end

      def whole?(line)
        ending = line.input.index("\r\n\r\n")
        ending && line.input.bytesize >= ending + 4 + line.input[/\r\ncontent-length: *(\d+)/i, 1].to_i
      end

      def judge(line)
        took = clock - line.began
        head, body = line.input.split("\r\n\r\n", 2)
        expected = @body || Content.small(line.number)
        if head.start_with?("HTTP/1.1 200 ") && Content.hash(body) == Content.hash(expected)
          @tally.right(:plain)
        else
          @tally.fault(:wrong, :plain, "#{head.lines.first.strip}, #{body.bytesize} of #{expected.bytesize} bytes")
        end
        @tally.latency((took * 1e6).round)
        line.input.clear
        @busy.delete(line.socket)
        @idle << line
      end

      def lose(line, text)
        @tally.fault(:lost, :plain, text)
        @busy.delete(line.socket)
        line.socket.close
        @idle << Line.new(@port)
      rescue SystemCallError
        sleep 0.1 # nobody listens: the harness sees that by itself
        @connections -= 1
        raise Lost, "no connection is left" if @connections.zero?
      end

      def give_up_the_lost
        now = clock
        return if @looked && now - @looked < 1

        @looked = now
        lost = @busy.values.select { |line| now - line.began > Connection::PATIENCE }
        lost.each { |line| lose(line, "no answer in #{Connection::PATIENCE} s") }
      end

      # Waits for the answers that are under way.
      def finish
        deadline = clock + Connection::PATIENCE
        until @busy.empty? || clock > deadline
          ready, = IO.select(@busy.keys, nil, nil, 1)
          (ready || []).each { |socket| receive(@busy[socket]) }
        end
        @busy.each_value { |line| @tally.fault(:lost, :plain, "no answer at the end, request #{line.number}") }
      end
    end
  end
end
