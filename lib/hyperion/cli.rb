# frozen_string_literal: true

require_relative "../hyperion"
require_relative "cli/arguments"
require_relative "cli/report"
require_relative "cli/rackup_file"
require_relative "launcher"

module Hyperion
  # The command `hyperion`: what exe/hyperion hands its arguments to.
  class CLI
    # @param arguments [Array<String>]
    # @param signals [Launcher::Signals] that have begun
    # @return [Integer] the exit status: 0, or 1 after one line on standard error
    def self.start(arguments, signals)
      new(arguments, signals).run
    rescue Error => error
      warn "hyperion: #{error.message}"
      1
    rescue SignalException => error
      raise unless signals.own? # in a process that the application forked

      # Before the server has its own handlers: asked to end, and nothing is under way.
      warn "hyperion: stopped by #{error.signm.empty? ? "SIGINT" : error.signm} before it served"
      0
    end

    def initialize(arguments, signals)
      @arguments = Arguments.parse(arguments)
      @signals = signals
    end

    def run
      $:.unshift(*@arguments.load_path)
      @signals.restore if @arguments.action
      case @arguments.action
      when :help then $stdout.puts(Report.help)
      when :version then $stdout.puts(Report.version)
      when :check_config then check
      else return serve
      end
      0
    end

    private

    def configuration
      @configuration ||= Config::Configuration.load(@arguments.flags).tap do |found|
        @restart = Launcher.prepare(found)
        ENV["RACK_ENV"] = found[:environment]
      end
    end

    def check
      application = load_application
      Server.new(app: application, configuration: configuration).settings.check_log_files
      [Launcher::Redirect, Launcher::ProcessFiles].each { |files| files.new(configuration).check }
      $stdout.puts(Report.configuration(configuration))
    end

    def serve
      # Lines that the application prints appear at once, in a pipe, too.
      $stdout.sync = true
      server = Server.new(app: load_application, configuration: configuration)
      launcher = Launcher.new(server, restart: @restart, signals: @signals)
      start(launcher)
      launcher.run
    end

    def start(launcher)
      launcher.start
    rescue SystemCallError, SocketError => error
      raise Error, error.message
    end

    def load_application
      said = configuration.puma.options
      PumaApi::Application.around(said[:app] || rackup, said)
    end

    def rackup
      RackupFile.new(configuration[:rackup], backtrace: configuration[:log_level] == "debug").load
    end
  end
end
