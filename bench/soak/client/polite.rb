# frozen_string_literal: true

require_relative "visitor"

module Soak
  module Client
    # Clients as they should be: small and large requests, alone and many at once, with every kind of body.
    class Polite < Visitor
      def churn
        one = number
        ending = [[], ["Connection: close"]].sample(random: @random)
        fresh do |connection|
          connection.write(get("/plain/#{one}", *ending))
          expect(:churn, connection.read, Content.small(one))
          connection.ended? || raise(Lost, "not closed as asked") if ending.any?
        end
      end

      def pipeline
        numbers = Array.new(@random.rand(2..8)) { number }
        kept do |connection|
          connection.write(numbers.map { |one| get("/plain/#{one}") }.join)
          numbers.each { |one| expect(:pipeline, connection.read, Content.small(one)) }
        end
      end

      def echo
        body = Content.small(number)
        kept do |connection|
          connection.write(post("/echo/0", body) + body)
          expect(:echo, connection.read, body)
        end
      end

      def stream
        one = number
        size = @random.rand(1..100_000)
        kept do |connection|
          connection.write(get("/#{["each", "stream"].sample(random: @random)}/#{one}?size=#{size}"))
          expect(:stream, connection.read, Content.bytes(one, size))
        end
      end

      def upload
        body = Content.bytes(number, large)
        kept { |connection| __send__(%i[whole chunked announced].sample(random: @random), connection, body) }
      end

      def download
        one = number
        size = large
        kept do |connection|
          connection.write(get("/#{["bytes", "each", "stream"].sample(random: @random)}/#{one}?size=#{size}"))
          expect(:download, connection.read, Content.bytes(one, size))
        end
      end

      def file
        kept do |connection|
          connection.write(get("/file"))
          expect(:file, connection.read, Content.bytes(0, 1 << 20))
        end
      end

      # What has a head and no body, and a request that waits in the application.
      def odd
        one = number
        kept do |connection|
          connection.write(get("/empty"))
          expect(:odd, connection.read, "", status: 204)
          connection.write(get("/plain/#{one}").sub("GET", "HEAD"))
          head = connection.read(head: true)
          expect(:odd, head, "")
          length = Content.small(one).bytesize
          raise Lost, "HEAD tells another length" unless head.fields["content-length"].to_i == length

          connection.write(get("/nap/#{one}"))
          expect(:odd, connection.read, Content.small(one))
        end
      end

      private

      def whole(connection, body)
        connection.write(post("/echo/0", body) + body)
        expect(:upload, connection.read, body)
      end

      def chunked(connection, body)
        connection.write("POST /digest/0 HTTP/1.1\r\nHost: soak\r\nTransfer-Encoding: chunked\r\n\r\n")
        at = 0
        while at < body.bytesize
          part = body.byteslice(at, @random.rand(1..100_000))
          connection.write("#{part.bytesize.to_s(16)}\r\n#{part}\r\n")
          at += part.bytesize
        end
        connection.write("0\r\n\r\n")
        expect(:upload, connection.read, Content.hash(body))
      end

      # With a question first; `read` passes the 100 over.
      def announced(connection, body)
        connection.write(post("/digest/0", body, "Expect: 100-continue"))
        sleep 0.01
        connection.write(body)
        expect(:upload, connection.read, Content.hash(body))
      end
    end
  end
end
