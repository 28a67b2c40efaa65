# frozen_string_literal: true

module Support
  # Servers in the test's own process, stopped when the example ends.
  module Servers
    def self.included(group)
      group.after { (@started_servers || []).each { |server| server.stop(0) } }
    end

    # @param app [#call]
    # @return [Hyperion::Server] listening on a port that the kernel chose
    def start_server(app = nil, **options, &block)
      server = Hyperion::Server.new(app: app || block, host: "127.0.0.1", port: 0, log_requests: false, **options)
      (@started_servers ||= []) << server
      server.start
    end

    # A client of it; closed by nobody but the garbage collector, unless a block is given.
    def connect(server, &block)
      RawClient.open(server.port, &block)
    end

    # One request on a connection of its own.
    def fetch(server, ...)
      connect(server) { |client| client.fetch(...) }
    end
  end
end
