# frozen_string_literal: true

module Hyperion
  class Launcher
    # The signals of a serving process, as a queue: a handler only writes a byte to a pipe.
    class Signals
      STOP = %w[TERM INT QUIT].freeze
      # These would end the process by default, without a word.
      OTHERS = %w[HUP USR1 USR2].freeze
      # The server has stopped: announced by whoever saw it, not by a signal.
      OVER = "over"
      # Somebody in this process wants it to become a new one.
      RESTART = "restart"

      NAMES = [*STOP, *OTHERS, OVER, RESTART].freeze

      def initialize
        @reader, @writer = IO.pipe
        @owner = Process.pid
        @previous = {}
      end

      # Takes the signals. Call it once the application is loaded, which may have handlers of its own: those of STOP are
      # replaced, the others stay.
      # @return [self]
      def install
        STOP.each { |name| @previous[name] = take(name) }
        OTHERS.each do |name|
          before = take(name)
          before.is_a?(Proc) ? trap(name, before) : @previous[name] = before
        end
        self
      end

      # @return [String] the next signal's name, or OVER; waits for it
      def next
        NAMES.fetch(@reader.getbyte)
      end

      # @param name [String] of NAMES
      def announce(name)
        # A pipe that is full holds more wishes than anybody will read.
        @writer.write_nonblock([NAMES.index(name)].pack("C"), exception: false)
      rescue IOError
        nil # nobody listens any more
      end

      # Gives the signals back.
      def restore
        @previous.each { |name, handler| trap(name, handler || "DEFAULT") }
        [@reader, @writer].each(&:close)
      end

      private

      def take(name)
        trap(name) { Process.pid == @owner ? announce(name) : pass_on(name) }
      end

      # A process that the application forked has the handlers, too, but not the server. It obeys as it would without.
      def pass_on(name)
        trap(name, @previous[name] || "DEFAULT")
        Process.kill(name, Process.pid)
      end
    end
  end
end
