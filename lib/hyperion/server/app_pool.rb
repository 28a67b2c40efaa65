# frozen_string_literal: true

module Hyperion
  class Server
    # The app threads of one server and the supervisor that keeps their number: a thread that was killed is replaced,
    # one more comes when all are blocked (up to the maximum), idle ones above the minimum go by themselves.
    class AppPool
      # @param engine [Hyperion::Engine]
      # @param minimum [Integer] threads that are always there
      # @param maximum [Integer]
      def initialize(engine, minimum, maximum)
        @engine = engine
        @minimum = minimum
        @maximum = maximum
        @threads = []
        @number = 0
        @stopping = false
      end

      # Starts the minimum of threads, and the supervisor.
      def start
        @minimum.times { add_thread }
        @supervisor = Thread.new { supervise }
        @supervisor.name = "hyperion supervisor"
        self
      end

      # Ends the threads once the queue is empty.
      # @param patience [Numeric] seconds to wait before they are killed
      # @return [Boolean] whether all ended by themselves
      def stop(patience)
        @stopping = true
        @engine.close_queue
        @supervisor&.join
        deadline = now + patience
        @threads.each { |thread| thread.join([deadline - now, 0].max) }
        late = @threads.select(&:alive?)
        late.each(&:kill)
        late.empty?
      end

      # @return [Integer] threads alive
      def size
        @threads.count(&:alive?)
      end

      private

      def add_thread
        @number += 1
        thread = Thread.new { @engine.serve }
        thread.name = "hyperion app #{@number}"
        thread.report_on_exception = false
        @threads << thread
      end

      def supervise
        until @stopping
          order = @engine.wait_order
          break if @stopping

          @threads.select!(&:alive?)
          add_thread while @threads.size < @minimum
          add_thread if order == :wanted && @threads.size < @maximum
        end
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
