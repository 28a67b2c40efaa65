# frozen_string_literal: true

require_relative "../count"
require_relative "../measures"
require_relative "../open_files"
require_relative "../option"

module Hyperion
  module Config
    # Part of the option table, see {Options}.
    module Options
      ONE_TIMEOUT_EACH = "the head and the body of a request have a time-out each: header_timeout and body_timeout"

      REQUESTS = [
        Option.new(:max_pending, Count.new, 0,
                   "Requests that wait for an app thread; over it: 503 with retry-after: 1", engine: true),
        Option.new(:max_in_flight_per_conn, Count.new, 0,
                   "Requests of one connection that the application has in hand; further ones wait", engine: true),
        Option.new(:max_connections, Count.new, OpenFiles,
                   "Connections; over it idle ones are closed, else new ones turned away with a 503",
                   text: "the limit on open files less #{OpenFiles::SPARE}", engine: true),
        Option.new(:max_connections_per_address, Count.new, 0,
                   "Connections of one IPv4 address or IPv6 /64 network; over it: 503", engine: true),
        Option.new(:max_body_bytes, Size.new, 1 << 30, "Largest request body; over it: 413", engine: true),
        Option.new(:max_header_bytes, Size.new, 64 << 10, "Largest request head; over it: 431, first line: 414",
                   engine: true),
        Option.new(:header_timeout, Duration.new, 30, "A request head must be complete after so long; else 408",
                   moved: {read_timeout: ONE_TIMEOUT_EACH}, engine: true),
        Option.new(:body_timeout, Duration.new, 30, "A request body that stands still for so long; 408",
                   moved: {read_timeout: ONE_TIMEOUT_EACH}, engine: true),
        Option.new(:min_body_rate, Size.new, 240,
                   "Bytes a second that a request body must make on average; else 408", engine: true),
        Option.new(:max_request_read_seconds, Duration.new, 0,
                   "A whole request must have arrived after so long; else 408", engine: true),
        Option.new(:soft_request_timeout, Duration.new, 60,
                   "A request that an app thread is busy with for so long is logged, with the thread's backtrace",
                   engine: true),
        Option.new(:request_timeout, Duration.new, 0,
                   "A request that takes so long is answered 504 and its app thread killed; waiting for one: 503",
                   engine: true),
        Option.new(:write_timeout, Duration.new, 30,
                   "A client that takes nothing of its response for so long is closed", engine: true),
        Option.new(:min_write_rate, Size.new, 240,
                   "Bytes a second that a client must take of a response that waits for it; else it is closed",
                   engine: true),
        Option.new(:idle_keepalive, Duration.new, 75, "A connection without a request for so long is closed",
                   aliases: %w[PUMA_PERSISTENT_TIMEOUT], engine: true),
        Option.new(:graceful_timeout, Duration.new, 30,
                   "How long a stop waits for requests in flight before their threads are killed; off: for ever")
      ].freeze
    end
  end
end
