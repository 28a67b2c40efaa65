# frozen_string_literal: true

require "pathname"
require "rbconfig"
require_relative "../server/inherited_sockets"

module Hyperion
  class Launcher
    # How this process becomes a new one of the same command: with its listening sockets, and with arguments, folder,
    # environment and bundle as they were at the beginning. Make it before anything changes them.
    class Restart
      # @return [String] where the new program begins
      attr_reader :folder
      # @return [Array<String>] its words
      attr_accessor :command
      # @return [Array<String>] of this process
      attr_reader :arguments

      def initialize
        @folder = logical_folder
        @arguments = ARGV.dup
        @program = $0.dup
        @command = whole_command || rebuilt_command
        @gemfile = ENV.fetch("BUNDLE_GEMFILE", nil)
        @environment = environment
      end

      # Goes to a folder, where the new program will begin, too.
      # @param path [String]
      # @raise [SystemCallError]
      def enter(path)
        path = File.expand_path(path, @folder)
        Dir.chdir(path)
        @folder = path
      end

      # Becomes the new program. Returns only by an exception.
      # @param sockets [Hash{Config::Address => Array<Integer>}] descriptors by address
      # @raise [SystemCallError]
      def exec(sockets)
        Dir.chdir(@folder)
        program, *arguments = runnable
        # Twice, for a word that stands alone would be a line for the shell.
        environment = {**bundle, **@environment, **Server::InheritedSockets.describe(sockets)}
        Kernel.exec(environment, [program, program], *arguments,
                    unsetenv_others: true, close_others: true, **sockets.values.flatten.to_h { |fd| [fd, fd] })
      end

      private

      # A script of Ruby's that nobody has made executable, such as bin/rails in a checkout without modes, is run all
      # the same: it did run.
      def runnable
        file = @command.first
        script = file.include?("/") && File.file?(file) && !File.executable?(file)
        script ? [RbConfig.ruby, *@command] : @command
      end

      # With a symbolic link in it as it was typed: what the link means changes from one deployment to the next.
      def logical_folder
        typed = ENV.fetch("PWD", nil)
        typed && File.identical?(typed, Dir.pwd) ? typed : Dir.pwd
      end

      # As the kernel has it, with the interpreter's own flags; nil when somebody has written a title over it.
      def whole_command
        words = File.read("/proc/self/cmdline").split("\0")
        script = words.size - @arguments.size - 1
        return unless script.positive? && words.last(@arguments.size) == @arguments && words[script] == @program

        [RbConfig.ruby, *words.drop(1)]
      rescue SystemCallError
        nil
      end

      def rebuilt_command
        [RbConfig.ruby, *("-S" unless File.exist?(@program)), @program, *@arguments]
      end

      # Bundler looks for a Gemfile itself, for the folder may be a symbolic link to another release by now; where it
      # would find none, the new program has the one of this process.
      def bundle
        looked_at = Pathname.new(@folder).ascend
        found = @gemfile.nil? || looked_at.any? { |folder| %w[Gemfile gems.rb].any? { |name| folder.join(name).file? } }
        found ? {} : {"BUNDLE_GEMFILE" => @gemfile}
      end

      # Bundler's variables as they were before Bundler; the new program sets it up itself.
      def environment
        return ENV.to_h unless defined?(::Bundler) && ENV.key?("BUNDLER_VERSION") && ENV.key?("BUNDLE_GEMFILE")

        ::Bundler.original_env.tap do |env|
          setup = "-rbundler/setup"
          env["RUBYOPT"] = [env["RUBYOPT"], setup].compact.join(" ") unless env["RUBYOPT"].to_s.include?(setup)
        end
      end
    end
  end
end
