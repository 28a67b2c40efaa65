# frozen_string_literal: true

require_relative "../config/configuration"
require_relative "../logger"
require_relative "admin_settings"
require_relative "log_file"

module Hyperion
  class Server
    # What one server was told: the options of the table, and a few things that only Ruby code can give.
    class Settings
      # Keywords beside the option table's. Logs go to descriptors, for a native thread writes them.
      EXTRAS = {
        log_out: 1, # IO or descriptor of info lines and the access log
        log_err: 2, # IO or descriptor of warnings and errors
        rack_errors: nil, # rack.errors; nil: standard error
        error_handler: nil, # call(error, env, status) returns the triplet for what the application raised; nil: a 500
        rack_3: nil, # whether Rack 3's rules hold (LF in a header value is an error); nil: as the loaded Rack has it
        server_software: "hyperion/#{VERSION}" # env's SERVER_SOFTWARE
      }.freeze

      # {descriptor => option}
      LOG_FILES = {log_out: :log_file, log_err: :error_log_file}.freeze
      private_constant :LOG_FILES

      ENGINE_OPTIONS = Config::Options::TABLE.select(&:engine?).map(&:name).freeze

      # @return [Config::Configuration]
      attr_reader :configuration

      # @param configuration [Config::Configuration, nil] when there is one already; then `keywords` are EXTRAS
      # @param keywords [Hash{Symbol => Object}]
      # @raise [ArgumentError] for a keyword that does not exist, or a value that it cannot take
      def initialize(configuration, keywords)
        keywords = join_thread_counts(keywords)
        @extras = EXTRAS.merge(keywords.slice(*EXTRAS.keys))
        options = keywords.except(*EXTRAS.keys)
        @configuration = configuration || embedded(options)
        @admin = AdminSettings.new(@configuration)
      rescue ConfigError => error
        raise configuration ? error : ArgumentError.new(error.message)
      end

      # @return [Range<Integer>]
      def threads
        @configuration[:threads]
      end

      # @return [Numeric, nil] seconds; nil: for ever
      def graceful_timeout
        seconds = @configuration[:graceful_timeout]
        seconds.zero? ? nil : seconds
      end

      # @return [Boolean] whether log lines are JSON; for a logger that is an object only where that was asked for
      def json?
        logger ? @configuration[:log_format] == "json" : @configuration.json?
      end

      # @param stream [#to_io, Integer] where the lines go
      # @return [Boolean] whether they are coloured
      def color?(stream)
        return false if json? || !ENV.fetch("NO_COLOR", "").empty? || ENV["TERM"] == "dumb"

        fd = descriptor(stream)
        redirect = {1 => :redirect_stdout, 2 => :redirect_stderr}[fd]
        !(redirect && @configuration[redirect]) && IO.for_fd(fd, autoclose: false).tty?
      rescue SystemCallError
        false # a descriptor that is closed
      end

      # @return [#call, nil]
      def path_templater
        @configuration[:path_templater] if @configuration[:metrics]
      end

      # @return [Config::Address, nil] of the admin paths' own listener
      def admin_address
        @admin.address
      end

      # @return [#info, nil] the object that takes the lines; nil: they are written
      def logger
        logger = @configuration[:logger] || Hyperion.logger
        logger unless logger.is_a?(Logger)
      end

      # @raise [ConfigError] when open_log_files would fail
      def check_log_files
        LOG_FILES.each_value do |option|
          path = @configuration[option]
          LogFile.check(path, @configuration.origin(option)) if path
        end
      end

      # @return [Hash{Symbol => LogFile}] fresh ones, by the descriptor whose place they take
      # @raise [ConfigError]
      def open_log_files
        LOG_FILES.each_with_object({}) do |(name, option), files|
          path = @configuration[option]
          files[name] = LogFile.new(path, @configuration.origin(option)) if path
        rescue ConfigError
          files.each_value(&:close)
          raise
        end
      end

      # @raise [ConfigError] when the event loop was chosen by name and cannot be used
      def check_loop
        return unless @configuration[:loop] == "io_uring" && (reason = Engine.io_uring)

        raise ConfigError, "#{@configuration.origin(:loop)}: io_uring cannot be used: #{reason}; epoll and auto can"
      end

      # @param log_files [Hash{Symbol => LogFile}] see open_log_files
      # @return [Hash{Symbol => Object}] as Hyperion::Engine wants it
      def for_engine(app, log_files)
        out, err = %i[log_out log_err].map { |name| log_files[name] || @extras[name] }
        ENGINE_OPTIONS.to_h { |name| [name, @configuration[name]] }.merge(
          app: app, min_threads: threads.min, max_threads: threads.max,
          log_format: json? ? "json" : "text", log_color: color?(out), log_error_color: color?(err),
          log_out: descriptor(out), log_err: descriptor(err), log_lines: !logger.nil?,
          rack_errors: @extras[:rack_errors] || $stderr, error_handler: error_handler,
          server_software: @extras[:server_software].dup.freeze,
          rack_3: @extras[:rack_3].nil? ? Settings.rack_3? : @extras[:rack_3],
          path_templater: !path_templater.nil?, admin_token: @admin.token, admin_listener: !admin_address.nil?,
          version: VERSION, ruby_version: RUBY_VERSION
        )
      end

      # @return [Boolean] whether the Rack of this process is 3 or newer
      def self.rack_3?
        require "rack"
        Rack.release.to_i >= 3
      end

      private

      def embedded(options)
        Config::Configuration.new([layer(options), common_variables]).tap do |configuration|
          configuration.warnings.each { |line| Logger.default.fall_back("warn", "server", line) }
        end
      end

      def layer(options)
        options.each_with_object(Config::Layer.new) do |(keyword, value), layer|
          layer.say(keyword, value, "Hyperion::Server: #{keyword}") || raise(ArgumentError, unknown(keyword))
        end
      rescue ConfigError => error
        raise ArgumentError, error.message
      end

      def unknown(keyword)
        absent = Config::Absent::WORDS[keyword]
        return "Hyperion::Server: #{keyword}: #{absent}" if absent

        known = Config::Options::BY_WORD.keys + EXTRAS.keys
        "Hyperion::Server: unknown keyword #{keyword}#{Config::Nearest.hint(keyword, known)}"
      end

      # Of the environment an embedded server takes the application's own, and nothing that would move it elsewhere.
      def common_variables
        Config::Environment.new(ENV.slice(*Config::Options[:environment].aliases)).common
      end

      # Puma's pair of names for the range.
      def join_thread_counts(keywords)
        return keywords unless keywords.key?(:min_threads) || keywords.key?(:max_threads)

        most = keywords[:max_threads] || [keywords[:min_threads], Config::Options[:threads].default.max].max
        pair = [keywords[:min_threads] || most, most]
        {threads: pair, **keywords.except(:min_threads, :max_threads)}
      end

      # A block or a lambda may take fewer arguments.
      def error_handler
        handler = @extras[:error_handler] || @configuration.puma.options[:lowlevel_error_handler] or return
        arity = handler.respond_to?(:arity) ? handler.arity : handler.method(:call).arity
        arity.between?(0, 2) ? ->(*arguments) { handler.call(*arguments.first(arity)) } : handler
      end

      def descriptor(stream)
        stream = stream.to_io if stream.respond_to?(:to_io)
        stream.respond_to?(:fileno) ? stream.fileno : Integer(stream)
      end
    end
  end
end
