# frozen_string_literal: true

module Hyperion
  class Server
    # Where a file is to be that this process writes: log files, pid file, state file. One rule for all: the folder is
    # made when it is all that is missing, and a path of which more is missing is an error, for it is mistyped.
    module OutputPlace
      module_function

      # Makes the folder of the file unless it is there.
      # @param path [String] absolute
      # @raise [SystemCallError]
      def prepare(path)
        folder = File.dirname(path)
        Dir.mkdir(folder) unless File.directory?(folder)
      rescue Errno::EEXIST
        raise unless File.directory?(folder)
      end

      # Makes nothing.
      # @param path [String] absolute
      # @raise [SystemCallError] what writing to it would raise, as far as that shows beforehand
      def check(path)
        return check_file(path) if File.exist?(path)

        folder = File.dirname(path)
        folder = File.dirname(folder) unless File.exist?(folder)
        raise Errno::ENOENT unless File.exist?(folder)
        raise Errno::ENOTDIR unless File.directory?(folder)
        raise Errno::EACCES unless File.writable?(folder) && File.executable?(folder)
      end

      # @param error [SystemCallError]
      # @return [String] without Ruby's internal names
      def reason(error)
        error.message[/\A[^@]+/].delete_suffix(" - ").strip.downcase
      end

      def check_file(path)
        raise Errno::EISDIR if File.directory?(path)
        raise Errno::EACCES unless File.writable?(path)
      end
      private_class_method :check_file
    end
  end
end
