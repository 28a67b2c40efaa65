# frozen_string_literal: true

require_relative "launcher"
require_relative "stats"

module Hyperion
  module PumaApi
    # Puma's side of one life of a serving process: runs the plugins and the hooks that were given in Puma's words, at
    # the points where Puma runs them. Called by Hyperion::Launcher.
    class Session
      # The process, as after_worker_shutdown gets it.
      Worker = Struct.new(:index, :pid)

      # @return [Launcher] what plugins get
      attr_reader :launcher
      # @return [Stats]
      attr_reader :stats

      # @param server [Hyperion::Server]
      # @param control [#call] takes :stop, :halt or :restart
      def initialize(server, control)
        @server = server
        @part = server.settings.configuration.puma
        @stats = Stats.new(server)
        @launcher = Launcher.new(server, @part, @stats, control)
      end

      # Before the server listens.
      def begin
        PumaApi.publish(self)
        run(:before_fork)
        run(:before_worker_fork, 0)
        @part.plugins.each { |name, plugin| guard("plugin #{name}") { start(plugin) } }
      end

      # It listens, and no request has reached the application.
      def boot
        run(:before_worker_boot, 0)
      end

      # It serves.
      def booted
        PumaApi.publish(self)
        run(:after_worker_fork, 0)
        guard("a plugin") { ::Puma::Plugins.fire_background } if @part.plugins.any?
        run(:after_booted)
        fire(:after_booted, :on_booted)
      end

      # It has stopped, or will not begin anything any more.
      def stopped
        run(:before_worker_shutdown, 0)
        run(:after_worker_shutdown, Worker.new(0, Process.pid))
        run(:after_stopped)
        fire(:after_stopped, :on_stopped)
      end

      # Another program takes this process over.
      def restarting
        run(:before_restart, @launcher)
        fire(:before_restart, :on_restart)
        run(:before_worker_shutdown, 0)
      end

      private

      def start(plugin)
        plugin.start(@launcher) if plugin.respond_to?(:start)
      end

      # Hooks of the configuration file, and those that others have put beside them.
      def run(key, *arguments)
        @launcher.options.all_of(key).each do |hook|
          guard(@part.origin_of(hook) || key) { call(hook, arguments) }
        end
      end

      def call(hook, arguments)
        block = hook.is_a?(Hash) ? hook[:block] : hook
        id = hook[:id] if hook.is_a?(Hash)
        arguments += [@part.hook_data[id]] if id
        strict = block.respond_to?(:lambda?) && block.lambda? && !block.arity.negative?
        block.call(*(strict ? arguments.first(block.arity) : arguments))
      end

      # Puma before 7 knows the second name, later ones the first; each has its hooks under one.
      def fire(*names)
        return unless @launcher.events?

        names.each { |name| guard(name) { @launcher.events.fire(name) } }
      end

      # One that fails is logged, and the next one runs.
      def guard(what)
        yield
      rescue ScriptError, StandardError => error
        @server.log("error", "#{what} failed: #{error.class}: #{error.message} (#{error.backtrace&.first})")
      end
    end
  end
end
