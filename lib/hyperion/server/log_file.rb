# frozen_string_literal: true

require_relative "../errors"
require_relative "output_place"

module Hyperion
  class Server
    # A file that lines are appended to, behind one descriptor for as long as it is open: when the file was renamed
    # (logrotate does), `reopen` puts a new one in its place, and no line is lost in between.
    class LogFile
      # Writers of other processes append, too; a named pipe without a reader is an error and no wait.
      FLAGS = File::WRONLY | File::APPEND | File::CREAT | File::NOCTTY | File::NONBLOCK
      # Less what the umask takes away.
      MODE = 0o640
      private_constant :FLAGS, :MODE

      # @return [String] absolute, so that a change of directory changes nothing
      attr_reader :path

      # @param path [String]
      # @param origin [String] who wants it, for the message
      # @param truncate [Boolean] whether what is in it goes
      # @raise [ConfigError]
      def initialize(path, origin, truncate: false)
        @path = File.expand_path(path)
        LogFile.naming(@path, origin) do
          OutputPlace.prepare(@path)
          @file = open_file(truncate ? File::TRUNC : 0)
        end
      end

      # Opens and makes nothing.
      # @raise [ConfigError] what `new` would raise
      def self.check(path, origin)
        path = File.expand_path(path)
        naming(path, origin) { OutputPlace.check(path) }
      end

      def self.naming(path, origin)
        yield
      rescue SystemCallError => error
        raise ConfigError, "#{origin}: cannot open #{path}: #{OutputPlace.reason(error)}"
      end

      # @return [IO]
      def to_io
        @file
      end

      # @raise [SystemCallError] then the file that was open stays
      def reopen
        fresh = open_file(0)
        @file.reopen(fresh)
      ensure
        fresh&.close
      end

      def close
        @file.close
      end

      private

      def open_file(more)
        File.new(@path, FLAGS | more, MODE).tap { |file| file.sync = true }
      end
    end
  end
end
