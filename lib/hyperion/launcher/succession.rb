# frozen_string_literal: true

require_relative "restart"

module Hyperion
  class Launcher
    # The change from this program to the one that comes after it in the same process: it has the listening sockets, so
    # nobody is refused meanwhile.
    class Succession
      # @param server [Server]
      # @param restart [Restart]
      # @param signals [Signals]
      def initialize(server, restart, signals)
        @server = server
        @restart = restart
        @signals = signals
      end

      # Keeps the sockets open beyond the server's end, and begins that. A second wish is the same one: the next program
      # reads everything anew.
      # @param why [String] for the log
      def begin(why)
        return if begun?

        @sockets = @server.hand_on or return
        @server.log("info", "#{why}: restarting as #{@restart.command.join(" ")}")
        Thread.new { @server.stop }
      rescue SystemCallError => error
        @server.log("error", "#{why}: cannot restart: #{error.message}")
      end

      # @return [Boolean] whether it has begun
      def begun?
        !@sockets.nil?
      end

      # The last thing that this program does; returns when there is no new one.
      def complete
        @signals.ignored { @restart.exec(@sockets) }
      rescue SystemCallError => error
        @server.log("fatal", "cannot restart: #{error.message}; the process ends")
      end

      # Nobody comes after this program: nobody will listen there.
      def call_off
        @sockets&.each do |address, descriptors|
          File.unlink(address.path) if address.kind == :unix && File.socket?(address.path)
          Server::InheritedSockets.release(descriptors)
        end
        @sockets = nil
      end
    end
  end
end
