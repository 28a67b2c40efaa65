# frozen_string_literal: true

require "socket"

module Support
  # Many connections of one client, without a thread for each. They come from several addresses of the loopback net, so
  # that the ports suffice, and end with a reset, so that none lingers in the kernel.
  class Crowd
    PER_ADDRESS = 5000

    # @return [Array<Socket>]
    attr_reader :sockets

    # Raises the limit on open files of this process, where that is allowed.
    # @return [Boolean] whether `count` connections are possible
    def self.possible?(count)
      soft, hard = Process.getrlimit(:NOFILE)
      wanted = (count + 500).clamp(soft, hard)
      Process.setrlimit(:NOFILE, wanted, hard)
      wanted >= count + 500
    end

    def self.open(port, count)
      crowd = new(port, count)
      yield crowd
    ensure
      crowd&.reset
    end

    def initialize(port, count)
      @target = Socket.sockaddr_in(port, "127.0.0.1")
      @sockets = []
      grow(count)
    end

    # @return [Array<Socket>] the new ones
    def grow(count)
      Array.new(count) do
        socket = Socket.new(:INET, :STREAM)
        # 4 addresses at most: 127.0.0.1 to 127.0.0.4.
        socket.bind(Socket.sockaddr_in(0, "127.0.0.#{1 + (@sockets.size / PER_ADDRESS)}"))
        @sockets << socket
        socket.tap { socket.connect(@target) }
      end
    end

    # @return [self]
    def write(bytes)
      @sockets.each { |socket| socket.write(bytes) }
      self
    end

    # Writes to those that still take it.
    # @return [Integer] how many did
    def try_write(bytes)
      @sockets.count do |socket|
        socket.write_nonblock(bytes, exception: false) == bytes.bytesize
      rescue Errno::EPIPE, Errno::ECONNRESET
        false
      end
    end

    # What each has to read at first.
    # @return [Array<String>]
    def read_some
      @sockets.map { |socket| socket.readpartial(4096) }
    end

    def reset
      @sockets.each do |socket|
        socket.setsockopt(Socket::SOL_SOCKET, Socket::SO_LINGER, [1, 0].pack("ii"))
        socket.close
      end
      @sockets.clear
    end
  end
end
