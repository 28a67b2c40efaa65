# frozen_string_literal: true

require_relative "native"

# The web server. Hyperion::Server is the one to embed, Hyperion::CLI the command.
module Hyperion
  # What Hyperion.logger is until somebody sets another: the application's way into the server's log. While a server
  # runs in this process its native log thread writes the lines, so that nobody waits for a disk or a pipe; else they go
  # to standard error at once.
  #
  #   Hyperion.logger.info("cache filled", entries: 512)
  #   Hyperion.logger.debug { "costly to make: #{report}" }
  #   Hyperion.logger.error(exception)
  class Logger
    LEVELS = %w[debug info warn error fatal].freeze
    # Bytes of a backtrace that are told.
    MOST_BACKTRACE = 16 * 1024
    private_constant :MOST_BACKTRACE

    class << self
      # @return [Logger] the one of this process
      attr_reader :default
    end

    def initialize
      @runs = [] # replaced, never changed: read without a lock, from trap handlers, too
    end

    LEVELS.each do |level|
      # @param message [#to_s, Exception, Hash, nil] or the block's value, which is only made when the level is logged;
      #   the entries of a Hash are fields, but `message`
      # @param fields [Hash] further members of the line: Strings, Symbols, numbers, true, false, nil; anything else is
      #   its to_s. `ts`, `level`, `source` and `message` are the server's own.
      # @return [true] as Ruby's Logger does
      define_method(level) do |message = nil, **fields, &block|
        write(level, message, fields, block) if log?(level)
        true
      end

      # @return [Boolean] whether lines of this level are written
      define_method("#{level}?") { log?(level) }
    end

    # For Rack::CommonLogger and its like.
    # @return [self]
    def <<(message)
      info(message.to_s.chomp)
      self
    end

    # Writes to standard error, as the log would.
    # @private
    def fall_back(level, source, message, fields = nil)
      json = ENV["RACK_ENV"] == "production"
      $stderr.write(Engine.log_line(level, source, message, json, !json && $stderr.tty?, fields))
    end

    # @private
    def attach(run)
      @runs = [*@runs, run]
    end

    # @private
    def detach(run)
      @runs = @runs.reject { |one| one.equal?(run) }
    end

    private

    def log?(level)
      least = @runs.last&.log_level || "info"
      LEVELS.index(level) >= LEVELS.index(least)
    end

    def write(level, message, fields, block)
      message = block.call if message.nil? && block
      message, fields = split(message || {}, fields) if message.nil? || message.is_a?(Hash)
      text = describe(message, fields)
      taken = @runs.reverse_each.any? { |run| run.log(level, "app", text, fields) }
      fall_back(level, "app", text, fields) unless taken
    end

    # What an entry `message` says is no field.
    def split(hash, fields)
      fields = {**hash, **fields}
      message = fields.values_at(:message, "message").compact.first
      [message, fields.except(:message, "message")]
    end

    def describe(message, fields)
      case message
      when String then message
      when Exception then "#{message.class}: #{message.message}#{backtrace(message)}"
      when nil then fields.empty? ? "nil" : ""
      else message.inspect
      end
    end

    def backtrace(error)
      lines = error.backtrace or return
      " backtrace: #{lines.join(" <- ").byteslice(0, MOST_BACKTRACE)}"
    end

    @default = new
  end

  @logger = Logger.default

  class << self
    # @return [Logger, Object] debug, info, warn, error, fatal
    attr_reader :logger

    # Lets another object take what servers log that start from now on and have no logger of their own; nil: none.
    # @param logger [#info, nil] see {Server::LogRelay} for what it is called with
    # @raise [ArgumentError]
    def logger=(logger)
      logger = Logger.default if logger.nil?
      unless logger.respond_to?(:info)
        raise ArgumentError, "Hyperion.logger: #{logger.inspect} is not allowed, expected an object with a method info"
      end

      @logger = logger
    end
  end
end
