# frozen_string_literal: true

require_relative "overdue"

module Hyperion
  class Server
    # The app threads of one server and the supervisor that keeps their number: a thread that was killed is replaced,
    # one more comes when all are blocked (up to the maximum), idle ones above the minimum go by themselves, one whose
    # request takes too long is replaced.
    class AppPool
      # How long a thread that was killed has for its `ensure` clauses before the stop goes on without it, in seconds.
      KILL_PATIENCE = 1

      # @param engine [Hyperion::Engine]
      # @param sizes [Range<Integer>] the threads that are always there, and the most
      # @param around [#call, nil] is called in each thread with :start and :end
      # @param on_quit [#call] what the supervisor does when the engine says that the server is to end; returns at once
      def initialize(engine, sizes, around: nil, on_quit: -> {})
        @engine = engine
        @sizes = sizes
        @around = around
        @on_quit = on_quit
        @threads = {} # by number
        @mutex = Mutex.new # guards @threads
        @overdue = Overdue.new(engine)
        @number = 0
        @stopping = false
        @pid = Process.pid
      end

      # Starts the minimum of threads, and the supervisor.
      def start
        @sizes.min.times { add_thread }
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
        @supervisor&.join # nil: it never began
        # No thread joins from here on: who was killed is not replaced.
        join(patience)
        late = threads.values
        [*late, *@overdue.given_up].each(&:kill)
        join(KILL_PATIENCE)
        late.empty?
      end

      # @return [Integer] threads alive
      def size
        threads.size
      end

      # @return [Boolean] whether the calling thread is one of them
      def inside?
        threads.value?(Thread.current)
      end

      private

      def threads
        @mutex.synchronize do
          @threads.select! { |_, thread| thread.alive? }
          @threads.dup
        end
      end

      def join(patience)
        deadline = now + patience
        threads.each_value { |thread| thread.join([deadline - now, 0].max) }
      end

      def add_thread
        number = @number += 1
        @mutex.synchronize { @threads[number] = Thread.new { work(number) } }
        @threads
      end

      def work(number)
        Thread.current.name = "hyperion app #{number}"
        # What ends a thread is in the log already, and no reason to end the process (Thread.abort_on_exception).
        Thread.current.report_on_exception = false
        @around&.call(:start)
        @engine.serve(number)
        @around&.call(:end)
      ensure
        retire(number) if Process.pid == @pid
      end

      # A thread that is about to end counts as gone: its supervisor may look before it is dead.
      def retire(number)
        @mutex.synchronize { @threads.delete(number) }
        @engine.thread_ended
      end

      def supervise
        until @stopping
          order = @engine.wait_order(@overdue.patience)
          @on_quit.call if order == :quit
          break if @stopping

          look_after_overdue(order)
          size = threads.size
          size = add_thread.size while size < @sizes.min
          # One that has not sat down yet looks itself whether another would help.
          add_thread if order == :wanted && size < @sizes.max && size <= @engine.threads
        end
      end

      def look_after_overdue(order)
        @overdue.look(threads) if order == :overdue
        given_up = @overdue.give_up
        @mutex.synchronize { given_up.each { |number| @threads.delete(number) } }
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
