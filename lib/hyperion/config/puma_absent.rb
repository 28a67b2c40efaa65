# frozen_string_literal: true

require_relative "absent"

module Hyperion
  module Config
    # Words of config/puma.rb that have no effect here.
    module PumaAbsent
      WORKERS = Absent::WORKERS
      PRUNE = "the bundle is as it was when the process began; a restart (USR2) takes the new one"
      KEEP_ALIVE = "a connection holds no thread, so it need not be given up after some requests"

      # {word => why; nil: nobody needs to know, for it asks for what is the case anyway}
      WORDS = {
        activate_control_app: "there is no control app; TERM stops, USR2 restarts (pumactl sends them, by pidfile or " \
                              "state_path), and admin { } has metrics and stop by HTTP",
        bind_to_activated_sockets: "a socket that systemd opened is named: bind \"fd://3\"",
        custom_logger: "log lines are written by a native thread; log_level and log_format are its options",
        daemonize: "the server stays in the foreground, for a process manager such as systemd",
        debug: "log_level \"debug\" shows more",
        drain_on_shutdown: nil,
        extra_runtime_dependencies: PRUNE,
        fork_worker: WORKERS,
        idle_timeout: "a server without requests goes on listening",
        io_selector_backend: "the event loop is native; loop \"io_uring\" or \"epoll\" chooses",
        log_formatter: "log lines have fields; log_format chooses text or json",
        max_fast_inline: KEEP_ALIVE,
        max_io_threads: "threads MIN, MAX: more come by themselves while those that are there wait",
        max_keep_alive: KEEP_ALIVE,
        mutate_stdout_and_stderr_to_sync_on_write: nil,
        nakayoshi_fork: WORKERS,
        out_of_band: "its code is not run: no thread of the server is ever out of the way of requests",
        preload_app!: nil,
        prune_bundler: PRUNE,
        raise_exception_on_sigterm: nil,
        shutdown_debug: "a stop that hangs is ended by force, with a log line",
        silence_fork_callback_warning: nil,
        silence_single_worker_warning: nil,
        tcp_mode: "this is an HTTP server",
        tcp_mode!: "this is an HTTP server",
        wait_for_less_busy_worker: WORKERS,
        worker_boot_timeout: WORKERS,
        worker_check_interval: WORKERS,
        worker_culling_strategy: WORKERS,
        worker_directory: WORKERS,
        worker_timeout: WORKERS
      }.freeze

      # Hooks whose moment never comes.
      HOOKS = {before_refork: WORKERS, on_refork: WORKERS, after_refork: WORKERS}.freeze
    end
  end
end
