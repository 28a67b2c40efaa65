# frozen_string_literal: true

require_relative "route_table"

module Hyperion
  class Server
    # The routes of one server. Without a table of its own it serves those of the class, those of later, too. It has one
    # of its own when it was given one (`route_table:`), or from its first own registration on: then that begins as a
    # copy of the class's table, as it was when the server was made.
    module Routing
      # Server.handle, Server.handle_static: for every server without a table of its own.
      module ClassLevel
        # @return [RouteTable] one for the whole family of classes, unless a subclass was given another
        def route_table
          @route_table || superclass.route_table
        end

        # Servers that are made (or started anew) afterwards serve this one instead.
        # @param table [RouteTable]
        # @raise [ArgumentError]
        def route_table=(table)
          raise ArgumentError, "route_table must be a Hyperion::Server::RouteTable" unless table.is_a?(RouteTable)

          @route_table = table
        end

        def self.extended(server)
          server.route_table = RouteTable.new
        end

        # @see RouteTable#handle
        def handle(...)
          route_table.handle(...)
        end

        # @see RouteTable#handle_static
        def handle_static(...)
          route_table.handle_static(...)
        end
      end

      # @return [RouteTable] the one in force: its own, or the class's
      def route_table
        @own_routes || self.class.route_table
      end

      # For this server alone.
      # @see RouteTable#handle
      def handle(...)
        own_routes.handle(...)
      end

      # For this server alone.
      # @see RouteTable#handle_static
      def handle_static(...)
        own_routes.handle_static(...)
      end

      private

      def begin_routing(table)
        unless table.nil? || table.is_a?(RouteTable)
          raise ArgumentError, "Hyperion::Server: route_table must be a Hyperion::Server::RouteTable"
        end

        @routing = Mutex.new # guards the change to a table of its own
        @own_routes = table
        @inherited_routes = self.class.route_table.dup unless table
      end

      # A registration that is refused leaves everything as it was, but for a table that is the copy of another.
      def own_routes
        @routing.synchronize do
          @own_routes ||= @inherited_routes.tap { |table| @run&.use_routes(table) }
        end
      end
    end
  end
end
