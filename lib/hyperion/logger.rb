# frozen_string_literal: true

require_relative "native"

# The web server. Hyperion::Server is the one to embed, Hyperion::CLI the command.
module Hyperion
  # What Hyperion.logger is: the application's way into the server's log. While a server runs in this process its native
  # log thread writes the lines, so that nobody waits for a disk or a pipe; else they go to standard error at once.
  class Logger
    LEVELS = %w[debug info warn error fatal].freeze

    def initialize
      @runs = [] # replaced, never changed: read without a lock, from trap handlers, too
    end

    LEVELS.each do |level|
      # @param message [#to_s, Exception, nil] or the block's value
      # @return [true] as Ruby's Logger does
      define_method(level) do |message = nil, &block|
        message = block.call if message.nil? && block
        write(level, describe(message))
        true
      end
    end

    # Writes to standard error, as the log would.
    def fall_back(level, source, message)
      return if level == "debug"

      json = ENV["RACK_ENV"] == "production"
      $stderr.write(Engine.log_line(level, source, message, json, !json && $stderr.tty?))
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

    def write(level, message)
      taken = @runs.reverse_each.any? { |run| run.log(level, "app", message) }
      fall_back(level, "app", message) unless taken
    end

    def describe(message)
      case message
      when String then message
      when Exception then "#{message.class}: #{message.message}"
      else message.inspect
      end
    end
  end

  # The one logger of this process.
  @logger = Logger.new

  class << self
    # @return [Logger] debug, info, warn, error, fatal
    attr_reader :logger
  end
end
