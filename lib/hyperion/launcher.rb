# frozen_string_literal: true

require_relative "launcher/banner"
require_relative "launcher/process_files"
require_relative "launcher/redirect"
require_relative "launcher/signals"
require_relative "launcher/succession"
require_relative "launcher/yjit"
require_relative "puma_api"
require_relative "server"

module Hyperion
  # A server as the business of its process: banner, signals, and an end that nothing can prevent. Used by the command
  # line, where the process ends afterwards, and by the Rackup handler, where somebody else's code goes on.
  class Launcher
    # What at_exit hooks have, in seconds, before the process is ended by force.
    LAST = 5
    # The index of the one worker.
    WORKER = 0
    # A second INT within so many seconds of the first is the same wish.
    SAME_WISH = 1

    # What has to be done before the application is loaded: the folder, and Puma's names.
    # @param configuration [Config::Configuration]
    # @return [Restart] for {#initialize}
    # @raise [ConfigError]
    def self.prepare(configuration)
      Server::InheritedSockets.adopt
      PumaApi.offer
      Restart.new.tap do |restart|
        command = configuration.puma.options[:restart_cmd]
        restart.command = [*command.to_s.split, *restart.arguments] if command
        restart.enter(configuration[:directory]) if configuration[:directory]
      end
    rescue SystemCallError => error
      raise ConfigError, "#{configuration.origin(:directory)}: #{error.message}"
    end

    # @param server [Server]
    # @param restart [Restart] how the process becomes a new one
    # @param guest [Boolean] whether the process has other business afterwards
    # @param quiet [Boolean] without a banner
    # @param signals [Signals] that may have begun: what came meanwhile is obeyed
    def initialize(server, restart:, guest: false, quiet: false, signals: Signals.new)
      @server = server
      @succession = Succession.new(server, restart, signals)
      @guest = guest
      @quiet = quiet
      @signalled = false
      @signals = signals
      @files = ProcessFiles.new(configuration)
      @puma = PumaApi::Session.new(server, method(:control))
      @redirect = Redirect.new(configuration)
    end

    # Runs the hooks of the configuration that come before a request, and starts the server. Its warnings are logged,
    # whether it starts or not.
    # @return [self]
    # @raise [SystemCallError, SocketError, ConfigError] as {Server#start}
    def start
      # The application is loaded: what ran once, while it was, is not worth compiling.
      YJIT.enable if configuration[:yjit]
      run_hooks(:before_fork)
      @puma.begin
      @server.start do
        @puma.boot
        run_hooks(:on_worker_boot, WORKER)
      end
      self
    ensure
      Server::InheritedSockets.close
      configuration.warnings.each { |line| @server.log("warn", line) }
    end

    # Serves until a signal or somebody else stops the server. Starts it unless it runs.
    # @return [Integer] the exit status
    def run
      start unless @server.running?
      begin
        @signals.install
        @redirect.apply
        @server.on_quit { @signals.announce("TERM") }
        watch
        show
        serve
      ensure
        @server.stop
        leave
      end
      @failed ? 1 : 0
    end

    private

    def configuration
      @server.settings.configuration
    end

    # What a plugin, or somebody else in this process, wants.
    # @param wish [Symbol] :stop, :halt or :restart
    def control(wish)
      @signals.announce({stop: "TERM", halt: "QUIT", restart: Signals::RESTART}.fetch(wish))
    end

    # Tells everybody that it serves.
    def show
      @files.write
      @files.title(@server.urls)
      Banner.new(@server).print unless @quiet
      @puma.booted
    end

    def run_hooks(event, *arguments)
      configuration.hooks.run(event, *arguments) do |message|
        @server.log("error", "a hook failed: #{message}")
      end
    end

    def serve
      Thread.new do
        @server.wait
        @signals.announce(Signals::OVER)
      end
      while (name = @signals.next)
        break if name == Signals::OVER

        obey(name)
      end
    end

    def obey(name)
      case name
      when *Signals::STOP then obey_stop(name)
      when "USR2", Signals::RESTART then @succession.begin(name)
      when "HUP" then reopen_logs
      else idle(name)
      end
    end

    # Puma's signals for its workers.
    def idle(name)
      there = name == "USR1" ? "USR2 restarts the process, and refuses nobody" : "there is one process, always"
      @server.log("warn", "#{name}: no workers in this version; #{there}")
    end

    def obey_stop(name)
      @signalled = true
      ProcessEnd.stop_began
      name == "QUIT" || ProcessEnd.urgent? ? stop_now(name) : stop(name)
    end

    # Log files were renamed: from now on lines go to new ones.
    def reopen_logs
      reopened = []
      @redirect.reopen do |path, error|
        error ? @server.log("warn", Server.not_reopened(path, error)) : reopened << path
      end
      reopened.concat(@server.reopen_logs)
      files = reopened.empty? ? "no log file to open anew" : "open anew: #{reopened.join(", ")}"
      @server.log("info", "HUP: #{files}")
    end

    def stop(name)
      return unless @server.running?

      timeout = @server.settings.graceful_timeout
      patience = timeout ? "have #{timeout} s" : "may take as long as they want"
      @server.log("info", "#{name}: stopping; requests in flight #{patience}")
      Thread.new { @server.stop }
    end

    def stop_now(name)
      @server.log("info", "#{name}: stopping at once")
      Thread.new { @server.stop(0) }
    end

    def watch
      settings = @server.settings
      ProcessEnd.watch(settings.graceful_timeout, LAST, SAME_WISH, settings.configuration.json?, settings.color?(2))
    end

    # The handlers stay where the process ends: a second TERM changes nothing. Else everything is as it was before.
    def leave
      become_new if @succession.begun? && !@signalled
      @succession.call_off
      @puma.stopped
      @files.remove
      ProcessEnd.within(LAST) unless @guest
      run_hooks(:on_worker_shutdown, WORKER)
      return ProcessEnd.within(LAST) unless @guest

      ProcessEnd.unwatch
      @signals.restore
      end_in_time if @signalled
    end

    # Returns when there is no new program.
    def become_new
      @puma.restarting
      run_hooks(:on_worker_shutdown, WORKER)
      @succession.complete
      @failed = true
    end

    # Whoever sent the signal wants this process to end, whatever hangs in it, as soon as its own code is through.
    def end_in_time
      owner = Process.pid
      at_exit do
        if Process.pid == owner
          watch
          ProcessEnd.within(LAST)
        end
      end
    end
  end
end
