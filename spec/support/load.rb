# frozen_string_literal: true

require "rbconfig"

module Support
  # Load on a server, made by a process of its own, so that what a test measures meanwhile does not wait for the test's
  # own interpreter. Every connection asks without a pause; with a depth it sends so many requests at once and waits for
  # all their answers before the next ones.
  class Load
    # Arguments: port, connections, depth, target. Ends with its standard input; prints the answers of each connection.
    # All answers have the same size: that of the first.
    SCRIPT = <<~'RUBY'
      require "socket"
      port, connections, depth = ARGV.first(3).map { |number| Integer(number) }
      batch = "GET #{ARGV[3]} HTTP/1.1\r\nHost: load\r\n\r\n" * depth
      size = TCPSocket.open("127.0.0.1", port) do |socket|
        socket.write("GET #{ARGV[3]} HTTP/1.1\r\nHost: load\r\n\r\n")
        answer = socket.readpartial(65_536)
        answer << socket.readpartial(65_536) until answer.include?("\r\n\r\n")
        whole = answer.index("\r\n\r\n") + 4 + Integer(answer[/content-length: (\d+)/i, 1])
        answer << socket.readpartial(65_536) while answer.bytesize < whole
        answer.bytesize
      end
      received = Array.new(connections) { TCPSocket.new("127.0.0.1", port) }.to_h { |socket| [socket, 0] }
      received.each_key { |socket| socket.write(batch) }
      $stdout.puts "ready"
      $stdout.flush
      buffer = String.new(capacity: 65_536)
      until (ready = IO.select([$stdin, *received.keys]).first).include?($stdin)
        ready.each do |socket|
          received[socket] += socket.readpartial(65_536, buffer).bytesize
          socket.write(batch) if (received[socket] % (size * depth)).zero?
        end
      end
      puts received.values.map { |bytes| bytes / size }.join(" ")
    RUBY

    # Loads the server while the block runs.
    # @return [Array(Object, Array<Integer>)] the block's value, and the answers that each connection had
    def self.during(port, connections:, depth: 1, target: "/")
      command = [RbConfig.ruby, "--disable-gems", "-e", SCRIPT, port, connections, depth, target].map(&:to_s)
      IO.popen({"RUBYOPT" => nil}, command, "r+") do |client|
        raise "the load did not begin" unless client.gets == "ready\n"

        value = yield
        client.close_write
        [value, client.read.split.map { |count| Integer(count) }]
      end
    end
  end
end
