# frozen_string_literal: true

require_relative "visitor"

module Soak
  module Client
    # Clients that take two to four seconds for what others do in milliseconds, yet faster than the server's limits.
    class Slow < Visitor
      def slow_reader
        one = number
        size = large
        seconds = @random.rand(2.0..4.0)
        parts = size / 32_768
        fresh(receive_buffer: 16_384) do |connection|
          connection.write(get("/#{["bytes", "each", "stream"].sample(random: @random)}/#{one}?size=#{size}"))
          response = connection.read(most: 32_768) { sleep seconds / parts }
          expect(:slow_reader, response, Content.bytes(one, size))
        end
      end

      def slow_writer
        body = Content.bytes(number, @random.rand(1000..2_000_000))
        bytes = post("/echo/0", body, "X-Long: #{"x" * 500}") + body
        fresh do |connection|
          # The head in small parts, then the body in larger ones.
          head = bytes.index("\r\n\r\n") + 4
          dribble(connection, bytes.byteslice(0, head), 20)
          dribble(connection, bytes.byteslice(head..), 20)
          expect(:slow_writer, connection.read, body)
        end
      end

      private

      def dribble(connection, bytes, parts)
        part = bytes.bytesize / parts + 1
        (0...bytes.bytesize).step(part) do |at|
          connection.write(bytes.byteslice(at, part))
          sleep @random.rand(0.02..0.1)
        end
      end
    end
  end
end
