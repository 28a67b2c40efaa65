# frozen_string_literal: true

module Support
  # Servers with routes of their own, for examples.
  module Routes
    # A table whose blocks stand in Rack::Lint where the suite's applications do.
    class Table < Hyperion::Server::RouteTable
      def handle(method, path, handler = nil, &block)
        linted = block && Lint.on? ? Lint.wrap(block).method(:call).to_proc : block
        super(method, path, handler, &linted)
      end
    end

    # @yieldparam table [Hyperion::Server::RouteTable]
    # @return [Hyperion::Server] whose application answers "app" to what no route does
    def routed_server(app = ->(_env) { ok("app") }, **options)
      table = Table.new
      yield table if block_given?
      start_server(app, route_table: table, **options)
    end
  end
end

RSpec.configure { |config| config.include Support::Routes }
