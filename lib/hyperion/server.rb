# frozen_string_literal: true

require_relative "native"
require_relative "adapter/rack"
require_relative "server/app_pool"

module Hyperion
  # One HTTP server in this process. Several may run side by side; they share nothing.
  class Server
    DEFAULTS = {
      max_header_bytes: 64 * 1024, max_body_bytes: 1 << 30, header_timeout: 30, body_timeout: 30, min_body_rate: 240,
      max_request_read_seconds: 0, write_timeout: 30, idle_keepalive: 75, drop_underscore_headers: false, backlog: 1024,
      io_threads: 1, log_level: "info", log_format: "text", log_color: false, log_requests: true, log_out: 1, log_err: 2,
      min_threads: 5, max_threads: 5, early_hints: false, rack_3: Adapter::Rack.rack_3?, server_software: "hyperion/3".freeze
    }.freeze

    def initialize(app:, host: "127.0.0.1", port: 0, **options)
      settings = DEFAULTS.merge(options, app: app, rack_errors: $stderr)
      @engine = Engine.new(settings)
      @engine.listen_tcp(host, port)
      @pool = AppPool.new(@engine, settings[:min_threads], settings[:max_threads])
    end

    def start
      @engine.start
      @pool.start
      self
    end

    def port
      @engine.port
    end

    def urls
      @engine.urls
    end

    def stats
      @engine.stats
    end

    def stop(timeout = 30)
      @engine.drain
      @engine.wait_drained(timeout)
      @pool.stop(0)
      @engine.stop
    end
  end
end
