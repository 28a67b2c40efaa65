# frozen_string_literal: true

require_relative "visitor"

module Soak
  module Client
    # Clients that leave in the middle, ask for what is wrong, and make the application fail.
    class Rude < Visitor
      # @yield [Connection] then it goes, politely or not
      def abort
        connection = Connection.new(@port)
        __send__(%i[in_head in_body in_response at_once].sample(random: @random), connection)
        @tally.given_up
        @random.rand(2).zero? ? connection.reset : connection.close
      rescue Lost
        connection&.close
      end

      def bad
        status, bytes = BAD.sample(random: @random)
        fresh do |connection|
          connection.write_as_far_as_taken(bytes)
          expect_status(:bad, connection.read, status)
          connection.ended? || raise(Lost, "not closed after #{status}")
        end
      end

      def fail
        case @random.rand(3)
        when 0 then asked_for("/raise")
        when 1 then asked_for("/nonsense")
        else half
        end
      end

      host = "Host: soak\r\n"
      BAD = [
        [400, "GET / HTTP/1.1\r\n\r\n"],
        [400, "GET / HTTP/1.1\r\n#{host}Host: other\r\n\r\n"],
        [400, "GET / HTTP/1.1\n#{host}\r\n"],
        [400, "GET / HTTP/1.1\r\n#{host}X: 1\r\n folded\r\n\r\n"],
        [400, "GET / HTTP/1.1\r\n#{host}X : 1\r\n\r\n"],
        [400, "nonsense\r\n\r\n"],
        [400, "POST / HTTP/1.1\r\n#{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
        [400, "POST / HTTP/1.1\r\n#{host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
        [400, "POST /digest/0 HTTP/1.1\r\n#{host}Transfer-Encoding: chunked\r\n\r\nxyz\r\n"],
        [413, "POST / HTTP/1.1\r\n#{host}Content-Length: 99000000\r\n\r\n"],
        [414, "GET /#{"a" * 70_000} HTTP/1.1\r\n#{host}\r\n"],
        [417, "POST / HTTP/1.1\r\n#{host}Expect: miracles\r\nContent-Length: 1\r\n\r\n"],
        [431, "GET / HTTP/1.1\r\n#{host}X: #{"a" * 70_000}\r\n\r\n"],
        [501, "POST / HTTP/1.1\r\n#{host}Transfer-Encoding: gzip\r\n\r\n"],
        [501, "CONNECT other:443 HTTP/1.1\r\n#{host}\r\n"],
        [505, "GET / HTTP/2.0\r\n#{host}\r\n"]
      ].freeze

      private

      def in_head(connection)
        bytes = get("/plain/1", "X-Long: #{"x" * 300}")
        connection.write(bytes.byteslice(0, @random.rand(1...bytes.bytesize)))
        sleep @random.rand(0.02)
      end

      def in_body(connection)
        body = Content.bytes(number, @random.rand(1..1_000_000))
        connection.write(post("/echo/0", body) + body.byteslice(0, @random.rand(body.bytesize - 1)))
        sleep @random.rand(0.02)
      end

      def in_response(connection)
        size = @random.rand(100_000..500_000)
        connection.write(get("/#{["bytes", "each", "stream"].sample(random: @random)}/#{number}?size=#{size}"))
        connection.taste(@random.rand(1..size))
      end

      def at_once(connection)
        connection.write(get("/bytes/1?size=100000"))
      end

      def asked_for(path)
        fresh do |connection|
          connection.write(get(path))
          expect_status(:fail, connection.read, 500)
        end
      end

      # The answer has begun: the only way to say that it failed is to end it early.
      def half
        fresh do |connection|
          connection.write(get("/half"))
          begin
            connection.read
            @tally.fault(:wrong, :fail, "half a body looks like a whole one")
          rescue Cut
            @tally.right(:fail)
          end
        end
      end
    end
  end
end
