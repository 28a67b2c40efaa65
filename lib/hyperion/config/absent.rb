# frozen_string_literal: true

module Hyperion
  module Config
    # Words of other versions and of Puma that mean nothing here. A configuration file that has them loads, with one
    # warning for each that says why; a flag of that name is an error that says the same.
    module Absent
      TLS = "this version has no TLS; what is served is plain HTTP, for a proxy in front that speaks TLS"
      HTTP_2 = "this version speaks HTTP/1.1 only; a proxy in front can speak HTTP/2"
      WORKERS = "this version serves in one process, so there are no workers to look after"

      # {word or block => why; nil: it asks for what is the case anyway}
      WORDS = {
        preload: nil, preload_app!: nil,
        worker_timeout: WORKERS, worker_health: WORKERS, worker_max_rss_mb: WORKERS,
        tls: TLS, tls_cert: TLS, tls_cert_path: TLS, tls_key: TLS, tls_key_path: TLS, tls_handshake_rate_limit: TLS,
        h2: HTTP_2, h2_max_concurrent_streams: HTTP_2, h2_max_total_streams: HTTP_2,
        websocket: "this version leaves WebSockets to the application, which takes the connection over",
        async_io: "this version has no async mode; -t MIN:MAX lets threads come while all of them wait",
        preload_static: "this version serves no folder of files by itself"
      }.freeze
    end
  end
end
