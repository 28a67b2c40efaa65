# frozen_string_literal: true

require "socket"

module Support
  # A client that says exactly the bytes that a test wants, and reads responses by their framing.
  class RawClient
    # One parsed response. `headers`: names in lower case; repeated ones joined with ", ".
    Response = Struct.new(:version, :status, :reason, :headers, :body, keyword_init: true) do
      def [](name)
        headers[name.downcase]
      end
    end

    # The server closed the connection before the response was complete.
    class Truncated < StandardError; end

    attr_reader :socket

    def self.open(...)
      client = new(...)
      return client unless block_given?

      begin
        yield client
      ensure
        client.close
      end
    end

    # @param port [Integer, nil] on 127.0.0.1, or
    # @param path [String, nil] of a unix socket
    def initialize(port = nil, path: nil, host: "127.0.0.1")
      @socket = path ? UNIXSocket.new(path) : TCPSocket.new(host, port)
      @buffer = String.new(encoding: Encoding::BINARY)
    end

    # @return [self]
    def write(*pieces)
      pieces.each { |piece| @socket.write(piece) }
      self
    end

    # Sends a request; adds Host, and Content-Length for a body, unless given. Fields may come without braces, too.
    # @return [self]
    def request(method = "GET", target = "/", headers = {}, body = nil, version: "HTTP/1.1", **fields)
      headers = headers.merge(fields)
      names = headers.keys.map { |name| name.to_s.downcase }
      lines = ["#{method} #{target} #{version}"]
      lines << "Host: localhost" unless names.include?("host")
      lines << "Content-Length: #{body.bytesize}" if body && !names.intersect?(%w[content-length transfer-encoding])
      headers.each { |name, value| Array(value).each { |one| lines << "#{name}: #{one}" } }
      write("#{lines.join("\r\n")}\r\n\r\n#{body}")
    end

    # Request and response.
    # @return [Response]
    def fetch(method = "GET", ...)
      request(method, ...)
      read_response(head: method == "HEAD")
    end

    # Reads one response.
    # @param head [Boolean] it answers HEAD: it has no body whatever its head says
    # @param interim [Boolean] return 1xx responses, too
    def read_response(head: false, interim: false)
      loop do
        response = read_head
        next if response.status.between?(100, 199) && response.status != 101 && !interim

        response.body = read_body(response) unless head
        return response
      end
    end

    # The head alone: for bodies that a test reads piece by piece.
    # @return [Response]
    def read_head
      fill until (finish = @buffer.index("\r\n\r\n"))
      lines = @buffer.slice!(0, finish + 4).split("\r\n")
      version, status, reason = lines.shift.split(" ", 3)
      headers = lines.each_with_object({}) do |line, all|
        name, value = line.split(/:[ \t]*/, 2)
        name = name.downcase
        all[name] = all.key?(name) ? "#{all[name]}, #{value}" : value
      end
      Response.new(version: version, status: Integer(status), reason: reason.to_s, headers: headers, body: "".b)
    end

    # @return [String] exactly `count` bytes
    def read(count)
      fill while @buffer.bytesize < count
      @buffer.slice!(0, count)
    end

    # @return [String] what has come and has not been read
    def buffered
      @buffer.slice!(0..)
    end

    # @return [String] one line with its end
    def read_line
      fill until (finish = @buffer.index("\n"))
      @buffer.slice!(0, finish + 1)
    end

    # @return [String] whatever comes until the server closes; a reset counts as the end only when `reset_ok`
    def read_all(reset_ok: false)
      loop { fill }
    rescue Truncated
      @buffer.slice!(0..)
    rescue Errno::ECONNRESET
      raise unless reset_ok

      @buffer.slice!(0..)
    end

    # Whether the server has closed (waits for it).
    def closed_by_server?(patience = Waiting::PATIENCE)
      return false unless @socket.wait_readable(patience)

      @socket.read_nonblock(1, exception: false).nil?
    rescue Errno::ECONNRESET
      true
    end

    # Whether bytes are there, within `seconds`.
    def readable?(seconds = 0)
      !@buffer.empty? || !@socket.wait_readable(seconds).nil?
    end

    def close_write
      @socket.close_write
    end

    # Ends the connection with a reset.
    def reset
      @socket.setsockopt(Socket::SOL_SOCKET, Socket::SO_LINGER, [1, 0].pack("ii"))
      @socket.close
    end

    def close
      @socket.close unless @socket.closed?
    end

    private

    def fill
      raise "no byte came within #{Waiting::PATIENCE} s" unless @socket.wait_readable(Waiting::PATIENCE)

      @buffer << @socket.readpartial(65_536)
    rescue EOFError
      raise Truncated, "closed after #{@buffer[-200..] || @buffer}"
    end

    def read_body(response)
      return "".b if [204, 304].include?(response.status) || response.status.between?(100, 199)
      return read_chunked if response["transfer-encoding"] == "chunked"

      length = response["content-length"]
      length ? read(Integer(length)) : read_all
    end

    def read_chunked
      body = String.new(encoding: Encoding::BINARY)
      loop do
        size = Integer(read_line.chomp("\r\n"), 16)
        body << read(size)
        raise "a chunk does not end in CRLF" unless read(2) == "\r\n"
        return body if size.zero?
      end
    end
  end
end
