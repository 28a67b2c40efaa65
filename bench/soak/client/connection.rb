# frozen_string_literal: true

require "io/wait"
require "socket"

module Soak
  module Client
    # The answer did not come, or not whole.
    class Lost < StandardError; end

    # It ended inside its body.
    class Cut < Lost; end

    # An answer as it came; whole? is false where the connection ended first.
    Response = Struct.new(:status, :fields, :body)

    # One connection that speaks HTTP/1.1 by hand, so that it can also speak it badly, slowly, or stop in the middle.
    class Connection
      PATIENCE = 30

      # @param receive_buffer [Integer, nil] bytes the kernel holds for us: small for a client that reads slowly
      def initialize(port, receive_buffer: nil)
        @socket = Socket.new(:INET, :STREAM)
        @socket.setsockopt(:SOCKET, :RCVBUF, receive_buffer) if receive_buffer
        @socket.setsockopt(:TCP, :NODELAY, true)
        @socket.connect(Addrinfo.tcp("127.0.0.1", port))
        @input = String.new(capacity: 65_536)
      rescue SystemCallError => error
        @socket&.close
        raise Lost, "cannot connect: #{error.message}"
      end

      # @raise [Lost] when the server takes nothing for PATIENCE seconds, or has closed
      def write(bytes)
        at = 0
        while at < bytes.bytesize
          written = @socket.write_nonblock(at.zero? ? bytes : bytes.byteslice(at..), exception: false)
          next at += written unless written == :wait_writable

          @socket.wait_writable(PATIENCE) || raise(Lost, "takes no bytes for #{PATIENCE} s")
        end
      rescue SystemCallError => error
        raise Lost, "while sending: #{error.message}"
      end

      # For a request that is refused before its end: the answer is there, whether or not all was taken.
      def write_as_far_as_taken(bytes)
        write(bytes)
      rescue Lost
        nil
      end

      # @param head [Boolean] the answer of HEAD, which has no body
      # @yield before each time that bytes are taken, for a client that reads slowly
      # @return [Response]
      # @raise [Lost] when it does not come whole
      def read(head: false, most: 65_536, &pause)
        @most = most
        @pause = pause
        response = nil
        loop do
          response = read_head
          break unless response.status.between?(100, 199)
        end
        response.body = read_body(response, head)
        response
      end

      # @return [Boolean] whether the server has closed and sent nothing more
      def ended?
        @input.empty? && !fill
      rescue Lost
        true
      end

      # Takes some bytes, whatever they are.
      def taste(count)
        take(count)
      rescue Lost
        nil
      end

      def close
        @socket.close
      end

      # Ends with a reset, as a process that died or a router that gave up.
      def reset
        @socket.setsockopt(:SOCKET, :LINGER, [1, 0].pack("ii"))
        @socket.close
      end

      private

      def read_head
        fill || raise(Lost, "closed before an answer") until (ending = @input.index("\r\n\r\n"))
        first, *lines = @input.slice!(0, ending + 4).split("\r\n")
        fields = lines.to_h do |line|
          name, value = line.split(":", 2)
          [name.downcase, value.to_s.strip]
        end
        status = first[%r{\AHTTP/1\.1 (\d{3})}, 1] || raise(Lost, "not an answer: #{first[0, 60].inspect}")
        Response.new(status.to_i, fields, nil)
      end

      def read_body(response, head)
        return "" if head || [204, 304].include?(response.status)
        return read_chunks if response.fields["transfer-encoding"] == "chunked"

        length = response.fields["content-length"] || raise(Lost, "an answer without length")
        take(length.to_i)
      end

      def read_chunks
        body = String.new
        loop do
          fill || raise(Cut, "closed inside a body") until (ending = @input.index("\r\n"))
          size = @input.slice!(0, ending + 2).to_i(16)
          body << take(size)
          raise Lost, "a chunk without end" unless take(2) == "\r\n"
          return body if size.zero?
        end
      end

      def take(count)
        while (missing = count - @input.bytesize).positive?
          fill || raise(Cut, "closed inside a body: #{missing} bytes missing")
        end
        @input.slice!(0, count)
      end

      # @return [Boolean] false at the end
      def fill
        @pause&.call
        loop do
          part = @socket.read_nonblock(@most || 65_536, exception: false)
          return false unless part

          unless part == :wait_readable
            @input << part
            return true
          end
          @socket.wait_readable(PATIENCE) || raise(Lost, "silent for #{PATIENCE} s")
        end
      rescue Errno::ECONNRESET
        raise Lost, "reset by the server"
      end
    end
  end
end
