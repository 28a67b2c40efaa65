# frozen_string_literal: true

require "rack"
require_relative "../errors"

module Hyperion
  class CLI
    # config.ru, made into an application. No middleware is added, whatever the environment, as under Puma.
    class RackupFile
      # @param path [String]
      # @param backtrace [Boolean] whether a failure prints the whole backtrace on standard error, too
      def initialize(path, backtrace: false)
        @path = path
        @backtrace = backtrace
      end

      # @return [#call]
      # @raise [BootError]
      def load
        raise BootError, "#{@path} is a folder; name its rackup file, or --directory #{@path}" if File.directory?(@path)
        unless File.file?(@path)
          raise BootError, "no #{@path} in #{Dir.pwd}; go to the application's folder, or name its rackup file"
        end

        # Rack 2 returns the application and options from the file's first line, Rack 3 the application.
        application, = Rack::Builder.parse_file(@path)
        return application if application.respond_to?(:call)

        raise BootError, "#{@path} makes no application: what it runs has no method call"
      rescue ScriptError, StandardError, SystemStackError => error
        raise if error.is_a?(BootError)

        warn error.full_message(highlight: false, order: :top) if @backtrace
        raise BootError, "cannot load #{@path}: #{describe(error)}"
      end

      private

      def describe(error)
        message = error.message.lines.first.to_s.strip
        place = first_line_of_application(error)
        line = "#{error.class}: #{message}"
        line << " (#{place})" if place && !message.start_with?(place)
        @backtrace ? line : "#{line}; --log-level debug prints the backtrace"
      end

      # The innermost line that is the application's own.
      def first_line_of_application(error)
        lines = error.backtrace || []
        home = "#{Dir.pwd}/"
        own = lines.find { |line| line.start_with?(home, @path) && !line.include?("/gems/") }
        (own || lines.first)&.delete_prefix(home)&.[](/\A[^:]+:\d+/)
      end
    end
  end
end
