# frozen_string_literal: true

module Hyperion
  class Server
    # Requests that take too long, as the supervisor of the app threads sees them: what their threads do is logged, and
    # a thread that was killed for it but does not end is given up. The engine finds them, and answers their clients.
    class Overdue
      # How long a thread that was killed has for its `ensure` clauses, in seconds.
      PATIENCE = 1
      # The most threads that were given up and are alive; beyond that none is replaced.
      MOST = 64
      # Of a backtrace in the log, in bytes.
      LONGEST = 16 * 1024

      Killed = Struct.new(:number, :serial, :thread, :deadline)

      # @param engine [Hyperion::Engine]
      def initialize(engine)
        @engine = engine
        @killed = []
        @given_up = []
      end

      # Tells of each that is new; those past the hard limit are killed.
      # @param threads [Hash{Integer => Thread}]
      # @return [void]
      def look(threads)
        @engine.overdue(threads).each do |number, serial, hard, request, seconds, backtrace|
          report(threads[number], hard, request, seconds, backtrace || [])
          @killed << Killed.new(number, serial, threads[number], now + PATIENCE) if hard
        end
      end

      # Gives up those that were killed and did not end.
      # @return [Array<Integer>] their numbers; each is to be replaced
      def give_up
        late, @killed = @killed.partition { |killed| killed.deadline <= now }
        late.select { |killed| give_up_one(killed) }.map(&:number)
      end

      # @return [Array<Thread>] given up, and alive
      def given_up
        @given_up.select!(&:alive?)
        @given_up.dup
      end

      # @return [Numeric, nil] seconds until somebody should call give_up
      def patience
        @killed.map(&:deadline).min&.then { |deadline| [deadline - now, 0].max }
      end

      private

      def report(thread, hard, request, seconds, backtrace)
        what = hard ? "request-timeout: #{thread.name} is killed" : "soft-request-timeout: #{thread.name} is busy"
        line = "#{what}, since #{seconds.round(3)} s in #{request}; backtrace: #{backtrace.join(" <- ")}"
        @engine.log(hard ? "error" : "warn", "app", line.byteslice(0, LONGEST).scrub("?"))
      end

      def give_up_one(killed)
        if given_up.size >= MOST
          @killed << killed.tap { |one| one.deadline = now + PATIENCE }
          return complain_of_many
        end
        return false unless @engine.abandon(killed.number, killed.serial)

        @given_up << killed.thread
        @engine.log("error", "app", "request-timeout: #{killed.thread.name} did not end within #{PATIENCE} s of its " \
                                    "kill, and another takes its place; given up so far: #{given_up.size}")
        true
      end

      def complain_of_many
        return false if @complained

        @complained = true
        @engine.log("error", "app", "request-timeout: #{MOST} threads do not end; no further one is replaced")
        false
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
