# frozen_string_literal: true

require_relative "../server/log_file"

module Hyperion
  class Launcher
    # Standard output and standard error of the whole process, the application's own output included, sent to files:
    # Puma's stdout_redirect.
    class Redirect
      # Those of the process, whatever the application put in their place.
      STREAMS = {redirect_stdout: STDOUT, redirect_stderr: STDERR}.freeze # rubocop:disable Style/GlobalStdStream
      private_constant :STREAMS

      # @param configuration [Config::Configuration]
      def initialize(configuration)
        @configuration = configuration
        @files = []
      end

      # Opens and makes nothing.
      # @raise [ConfigError] when {#apply} would fail
      def check
        STREAMS.each_key do |name|
          path = @configuration[name]
          Server::LogFile.check(path, @configuration.origin(name)) if path
        end
      end

      # Opens the files and puts them in place, all or none.
      # @raise [ConfigError]
      def apply
        truncate = !@configuration[:redirect_append]
        @files = STREAMS.filter_map do |name, stream|
          path = @configuration[name]
          [Server::LogFile.new(path, @configuration.origin(name), truncate: truncate), stream] if path
        end
        @files.each { |file, stream| put(file, stream) }
      end

      # After a rotation.
      # @yieldparam path [String]
      # @yieldparam error [SystemCallError, nil] why the file that was open stays
      def reopen
        @files.each do |file, stream|
          file.reopen
          put(file, stream)
          yield file.path, nil
        rescue SystemCallError => error
          yield file.path, error
        end
      end

      private

      def put(file, stream)
        stream.reopen(file.to_io)
        stream.sync = true
      end
    end
  end
end
