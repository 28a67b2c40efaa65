# frozen_string_literal: true

require_relative "configuration"
require_relative "log_writer"

module Hyperion
  module PumaApi
    # What a Puma plugin is given as the launcher.
    class Launcher
      # @return [Configuration]
      attr_reader :config
      # @return [LogWriter]
      attr_reader :log_writer
      # @return [String] where a restart begins
      attr_reader :restart_dir

      # @param control [#call] takes :stop, :halt or :restart
      def initialize(server, part, stats, control)
        @server = server
        @stats = stats
        @control = control
        @restart_dir = Dir.pwd
        @log_writer = LogWriter.new(server)
        @config = Configuration.new(server.settings.configuration, part, self)
      end

      # @return [Options]
      def options
        config.options
      end

      # @return [Puma::Events]
      def events
        @events ||= begin
          PumaApi.load
          ::Puma::Events.new
        end
      end

      # @return [Boolean] whether somebody has asked for the events
      def events?
        !@events.nil?
      end

      # @return [Hash{Symbol => Object}]
      def stats
        @stats.stats
      end

      # Finishes what is in flight, and ends.
      def stop
        @control.call(:stop)
      end

      # Ends at once.
      def halt
        @control.call(:halt)
      end

      # Lets another program take the listening sockets and this process over.
      def restart
        @control.call(:restart)
      end

      # There is one process, so it is the same.
      # @return [true]
      def phased_restart
        restart
        true
      end

      # @return [false] there are no workers
      def refork
        false
      end

      # @return [Array<Integer>]
      def connected_ports
        @server.urls.filter_map { |url| url[/\Ahttp.*:(\d+)\z/, 1]&.to_i }
      end

      # @yieldparam name [String]
      # @yieldparam backtrace [Array<String>]
      def thread_status
        Thread.list.each do |thread|
          yield ["Thread: TID-#{thread.object_id.to_s(36)}", thread.name].compact.join(" "), thread.backtrace || []
        end
      end
    end
  end
end
