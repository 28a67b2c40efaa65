# frozen_string_literal: true

require "json"
require_relative "../logger"

module Hyperion
  class Server
    # Hands the lines of one server's log to a logger that is a Ruby object, on a thread of its own. Lines wait for it
    # in a bounded queue of the engine; a logger that is slow, hangs or raises stops nobody.
    #
    # It is called as `logger.info("access: GET /path 200 1.234ms 42B 192.0.2.1 HTTP/1.1")`: the line without time and
    # level, which loggers add themselves. With `log_format: "json"` it gets what the JSON line would be, as a Hash with
    # Symbol keys. Warnings go to `warn`, errors to `error`, where it has these; else to the next milder one.
    class LogRelay
      CALLS = {debug: %i[debug info], info: %i[info], warn: %i[warn info], error: %i[error warn info],
               fatal: %i[fatal error warn info]}.freeze
      # How long a stop waits for the logger to take what is left, in seconds.
      PATIENCE = 1
      # A logger that raises is told of once in so many seconds.
      PAUSE = 1
      private_constant :CALLS, :PATIENCE, :PAUSE

      # @return [Integer] lines with which the logger raised
      attr_reader :failed

      # @param engine [Engine]
      # @param logger [#info]
      # @param json [Boolean] whether it gets Hashes
      def initialize(engine, logger, json:)
        @engine = engine
        @logger = logger
        @json = json
        @calls = CALLS.transform_values { |names| names.find { |name| logger.respond_to?(name) } }
        @failed = @told = 0
      end

      # @return [self]
      def start
        @thread = Thread.new do
          Thread.current.name = "hyperion logger"
          relay
        end
        self
      end

      # Once the log has ended: waits until the logger has taken what is left, but not for ever.
      def stop
        @thread&.join(PATIENCE) || @thread&.kill
      end

      private

      def relay
        while (lines = @engine.take_log_lines)
          lines.each { |level, line| hand_over(level, line) }
        end
      rescue RuntimeError # closed meanwhile: it took too long
        nil
      ensure
        complain(nil) if @failed > @told
      end

      def hand_over(level, line)
        @logger.public_send(@calls.fetch(level), @json ? JSON.parse(line, symbolize_names: true) : line)
      rescue Exception => error # rubocop:disable Lint/RescueException -- whatever it raises, the next line comes
        @failed += 1
        complain(error) if !@told_at || now - @told_at >= PAUSE
      end

      # On standard error, for the logger itself is what fails.
      def complain(error)
        why = error && " (#{error.class}: #{error.message})"
        lost = "lines lost: #{@failed - @told}"
        Logger.default.fall_back("error", "log", "the logger (#{@logger.class}) raised#{why}; #{lost}")
        @told = @failed
        @told_at = now
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
