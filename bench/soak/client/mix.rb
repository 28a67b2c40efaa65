# frozen_string_literal: true

require_relative "../../clock"
require_relative "polite"
require_relative "rude"
require_relative "slow"

module Soak
  module Client
    # Everything but the plain requests: threads, each with one kind of client, each with its own pace.
    class Mix
      include Bench::Clock

      # How often a second at the rate 400, and on how many threads. The plain requests make up the rest. Without a
      # pace: one after the other, they take their time anyway.
      Kind = Struct.new(:visitor, :action, :pace, :threads)
      KINDS = [
        Kind.new(Polite, :churn, 60, 3), Kind.new(Polite, :pipeline, 8, 2), Kind.new(Polite, :echo, 20, 1),
        Kind.new(Polite, :stream, 18, 2), Kind.new(Polite, :odd, 4, 1), Kind.new(Polite, :file, 2, 1),
        Kind.new(Polite, :upload, 1, 2), Kind.new(Polite, :download, 1, 2),
        Kind.new(Slow, :slow_reader, nil, 3), Kind.new(Slow, :slow_writer, nil, 3),
        Kind.new(Rude, :abort, 4, 2), Kind.new(Rude, :bad, 4, 1), Kind.new(Rude, :fail, 2, 1)
      ].freeze
      CONNECTIONS = KINDS.sum(&:threads)
      RATE = 400.0
      # Share of the plain requests in the rate.
      PLAIN = 0.6

      def initialize(port, tally, rate:, seed:)
        @port = port
        @tally = tally
        @scale = rate / RATE
        @random = Random.new(seed)
        @ended = false
      end

      # @param control [IO]
      # @yield when it can be read; a false value ends everything, each with what it has begun
      def run(control)
        threads = KINDS.flat_map { |kind| Array.new(kind.threads) { begin_one(kind) } }
        loop { control.wait_readable && (yield || break) }
        @ended = true
        threads.each { |thread| thread.join(Connection::PATIENCE * 2) }
      end

      private

      def begin_one(kind)
        visitor = kind.visitor.new(@port, @tally, Random.new(@random.rand(1 << 30)))
        period = kind.pace && kind.threads / (kind.pace * @scale)
        first = @random.rand
        Thread.new { repeat(kind.action, visitor, period, first) }
      end

      # More large bodies at once than there ever are again: what the server and its allocator need at most they have
      # from the first seconds on, and memory that grows later is no getting used to the load.
      def heat(visitor)
        return unless visitor.is_a?(Polite)

        3.times { %i[upload download].each { |action| visit(action, visitor) unless @ended } }
      end

      def repeat(action, visitor, period, first)
        heat(visitor)
        due = clock + first * (period || 1)
        until @ended
          pause = due - clock
          sleep [pause, 0.5].min if pause.positive?
          next if pause > 0.5

          visit(action, visitor)
          due = period ? [due + period, clock - 1].max : clock
        end
        visitor.leave
      end

      def visit(action, visitor)
        visitor.__send__(action)
      rescue Lost => error
        @tally.fault(:lost, action, error.message)
        sleep 0.1
      end
    end
  end
end
