# frozen_string_literal: true

module Hyperion
  class Launcher
    # The signals of a serving process, as a queue: a handler only writes a byte to a pipe. What comes while the
    # application is loaded waits there until the process serves. Requires nothing: exe/hyperion takes signals before
    # anything else.
    class Signals
      STOP = %w[TERM INT QUIT].freeze
      # These would end the process by default, without a word.
      OTHERS = %w[HUP USR1 USR2].freeze
      # These would stop it until somebody sends CONT. On a terminal that is what they are for.
      PAUSING = %w[TTIN TTOU].freeze
      # The server has stopped: announced by whoever saw it, not by a signal.
      OVER = "over"
      # Somebody in this process wants it to become a new one.
      RESTART = "restart"

      NAMES = [*STOP, *OTHERS, *PAUSING, OVER, RESTART].freeze
      # The process's own, whatever the application put in their place.
      STREAMS = [STDIN, STDOUT, STDERR].freeze # rubocop:disable Style/GlobalStdStream
      private_constant :STREAMS

      def initialize
        @reader, @writer = IO.pipe
        @owner = Process.pid
        @previous = {}
        @handlers = NAMES.to_h { |name| [name, handler(name)] }
        @others = STREAMS.any?(&:tty?) ? OTHERS : OTHERS + PAUSING
      end

      # Takes those that do not end the process, before the application is loaded; the others end it meanwhile.
      # @return [self]
      def begin
        @others.each { |name| take(name) }
        # That was the program before this one, see #ignored; HUP is ignored by nohup, too.
        @previous.each { |name, before| @previous[name] = "DEFAULT" if before == "IGNORE" && name != "HUP" }
        self
      end

      # Takes the signals. Call it once the application is loaded, which may have handlers of its own: those of STOP are
      # replaced, the others stay.
      # @return [self]
      def install
        STOP.each { |name| take(name) }
        @others.each do |name|
          before = take(name)
          trap(name, @previous.delete(name)) if before.is_a?(Proc)
        end
        self
      end

      # @return [Boolean] whether this is the process that serves, and no fork of it
      def own?
        Process.pid == @owner
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
        @previous.clear
        [@reader, @writer].each(&:close)
      end

      # For the instant in which the block becomes another program. That inherits what is ignored, and no handler;
      # what is ignored until it has its own is lost, and it has read nothing of the application by then.
      def ignored
        before = @others.to_h { |name| [name, trap(name, "IGNORE")] }
        yield
      ensure
        before&.each { |name, handler| trap(name, handler || "DEFAULT") }
      end

      private

      def handler(name)
        proc { own? ? announce(name) : pass_on(name) }
      end

      # @return [Proc, String, nil] the handler of somebody else that there was
      def take(name)
        before = trap(name, @handlers.fetch(name))
        return if before.equal?(@handlers[name])

        @previous[name] = before
      end

      # A process that the application forked has the handlers, too, but not the server. It obeys as it would without.
      def pass_on(name)
        trap(name, @previous[name] || "DEFAULT")
        Process.kill(name, Process.pid)
      end
    end
  end
end
