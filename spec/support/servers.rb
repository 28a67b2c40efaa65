# frozen_string_literal: true

require "tempfile"
require "uri" # Rack 2.2 checks authorities with it, and takes its absence for a bad one

module Support
  # Servers in the test's own process, stopped when the example ends.
  module Servers
    def self.included(group)
      group.after { (@started_servers || []).each { |server| server.stop(0) } }
    end

    # @param app [#call]
    # @return [Hyperion::Server] listening on a port that the kernel chose
    def start_server(app = nil, lint: true, **options, &block)
      skip("no Rack::Lint, for a reason that nobody wrote down") if !lint && Lint.on?
      app = Lint.wrap(app || block)
      log = Tempfile.new("hyperion-log")
      place = options.key?(:binds) ? {} : {host: "127.0.0.1"}
      server = Hyperion::Server.new(app: app, **place, port: 0, log_requests: false, log_out: log.fileno,
                                    log_err: log.fileno, **options)
      (@started_servers ||= []) << server
      (@server_logs ||= {}.compare_by_identity)[server] = log
      server.start
    end

    # What a server has logged until now; lines come some milliseconds late.
    # @return [Array<String>]
    def log_lines(server)
      File.readlines(@server_logs.fetch(server).path)
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
