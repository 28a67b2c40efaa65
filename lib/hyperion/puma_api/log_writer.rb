# frozen_string_literal: true

module Hyperion
  module PumaApi
    # What a plugin writes its lines with: they go to the server's log.
    class LogWriter
      # @return [#call, nil] makes another text of each
      attr_accessor :formatter
      # @return [Object, nil]
      attr_accessor :custom_logger

      # @param server [Hyperion::Server]
      def initialize(server)
        @server = server
      end

      def log(text)
        line("info", format(text))
      end

      def write(text)
        log(text.to_s.chomp)
      end

      def debug(text = nil)
        line("debug", format(text || yield)) if debug?
      end

      def debug?
        @server.settings.configuration[:log_level] == "debug"
      end

      # As Puma's: ends the process.
      def error(text)
        line("error", format(text))
        exit 1
      end

      def unknown_error(error, _request = nil, text = "Unknown error")
        line("error", "#{text}: #{error.class}: #{error.message}")
      end

      def connection_error(error, request, text = "HTTP connection error")
        unknown_error(error, request, text)
      end

      def parse_error(error, request)
        unknown_error(error, request, "HTTP parse error")
      end

      def debug_error(error, request = nil, text = "")
        unknown_error(error, request, text) if debug?
      end

      # @return [String]
      def format(text)
        formatter ? formatter.call(text.to_s) : text.to_s
      end

      # @return [IO]
      def stdout
        $stdout
      end

      # @return [IO]
      def stderr
        $stderr
      end

      private

      # The log has one event a line.
      def line(level, text)
        text.split("\n").each { |one| @server.log(level, one) }
      end
    end
  end
end
