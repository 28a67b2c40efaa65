# frozen_string_literal: true

require_relative "../content"
require_relative "connection"
require_relative "tally"

module Soak
  module Client
    # One thread's worth of clients: what all kinds of them share. A visitor has at most one connection at a time.
    class Visitor
      # @param random [Random] decides all that is left to chance
      def initialize(port, tally, random)
        @port = port
        @tally = tally
        @random = random
      end

      # Ends a connection that is kept for the next request.
      def leave
        @kept&.close
        @kept = nil
      end

      private

      # The block with a connection that a request before it may have used.
      def kept
        @kept ||= Connection.new(@port)
        yield @kept
      rescue Lost
        leave
        raise
      end

      def fresh(**options)
        connection = Connection.new(@port, **options)
        yield connection
      ensure
        connection&.close
      end

      def number
        @random.rand(1_000_000)
      end

      def large
        @random.rand((1 << 20)..Content::LARGEST)
      end

      def get(path, *fields)
        ["GET #{path} HTTP/1.1", "Host: soak", *fields, "", ""].join("\r\n")
      end

      def post(path, body, *fields)
        ["POST #{path} HTTP/1.1", "Host: soak", "Content-Length: #{body.bytesize}", *fields, "", ""].join("\r\n")
      end

      # Compares by hash, as somebody would who has no copy of the body.
      def expect(kind, response, body, status: 200)
        right = response.status == status && response.body.bytesize == body.bytesize &&
                Content.hash(response.body) == Content.hash(body)
        if right
          @tally.right(kind)
        else
          @tally.fault(:wrong, kind, "#{response.status} instead of #{status}, or not the right " \
                                     "#{body.bytesize} bytes but #{response.body.bytesize}")
        end
      end

      def expect_status(kind, response, status)
        return @tally.right(kind) if response.status == status

        @tally.fault(:wrong, kind, "#{response.status} instead of #{status}")
      end
    end
  end
end
