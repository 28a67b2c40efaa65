# frozen_string_literal: true

require_relative "../option"
require_relative "../thread_range"
require_relative "../worker_count"
require_relative "../loop_name"

module Hyperion
  module Config
    # Part of the option table, see {Options}.
    module Options
      DEVELOPMENT = "development"
      ONE_PROCESS = "this version serves in one process, whose threads (-t) share the work"

      # Of files that the process writes, see Server::OutputPlace.
      MADE = "its folder is made when that alone is missing"

      LEAST_THREADS = {"PUMA_MAX_THREADS" => "PUMA_MIN_THREADS", "RAILS_MAX_THREADS" => "RAILS_MIN_THREADS",
                       "MAX_THREADS" => "MIN_THREADS"}.freeze

      PROCESS = [
        Option.new(:config, Text.new("a file, or - for none", "FILE"), nil,
                   "Configuration file in Ruby; - for none",
                   short: "-C", words: [], text: "config/hyperion.rb, else config/puma.rb, if present"),
        Option.new(:rackup, Text.new("a rackup file", "FILE"), "config.ru",
                   "Rackup file that makes the application", flag: false, words: [:rackup]),
        Option.new(:environment, Text.new("a name", "NAME"), DEVELOPMENT,
                   "Environment, for RACK_ENV", short: "-e", aliases: %w[APP_ENV RACK_ENV RAILS_ENV]),
        Option.new(:directory, Text.new("a folder", "FOLDER"), nil, "Go there before anything is loaded"),
        Option.new(:pidfile, Text.new("a path", "FILE"), nil,
                   "Write the number of the process there while it serves; #{MADE}"),
        Option.new(:state_path, Text.new("a path", "FILE"), nil,
                   "Write there, while it serves, what `pumactl -S` wants to know; #{MADE}", short: "-S"),
        Option.new(:tag, Text.new("a text", "TEXT"), nil, "Name of the application, for the list of processes (ps)"),
        Option.new(:workers, WorkerCount.new, 1,
                   "Worker processes; this version serves in one process, whatever is asked for",
                   short: "-w", aliases: %w[WEB_CONCURRENCY],
                   notice: ->(value) { ONE_PROCESS if value == WorkerCount::AUTO || value > 1 }),
        Option.new(:threads, ThreadRange.new, 5..5,
                   "Threads that run the application; with MIN:MAX more come when all are blocked, idle ones go",
                   short: "-t", aliases: LEAST_THREADS.keys, least: LEAST_THREADS, words: %i[threads thread_count]),
        Option.new(:io_threads, Whole.new(1..64), 1, "Native threads that do the I/O", engine: true),
        Option.new(:loop, LoopName.new, "auto",
                   "Event loop of the I/O threads; auto: io_uring where the kernel has it, else epoll; " \
                   "io_uring: that or an error",
                   aliases: %w[HYPERION_IO_URING_ACCEPT], words: %i[loop io_uring], engine: true),
        Option.new(:yjit, Switch.new, ->(configuration) { configuration[:environment] == "production" },
                   "Let Ruby compile what runs often (YJIT), where it can", text: "on in production")
      ].freeze
    end
  end
end
