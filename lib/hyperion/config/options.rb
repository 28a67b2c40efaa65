# frozen_string_literal: true

require_relative "address"
require_relative "loop_name"
require_relative "measures"
require_relative "nearest"
require_relative "option"
require_relative "thread_range"
require_relative "types"

module Hyperion
  module Config
    # The option table.
    module Options
      DEVELOPMENT = "development"

      TABLE = [
        Option.new(:config, Text.new("a file, or - for none", "FILE"), nil,
                   "Configuration file in Ruby; - for none",
                   short: "-C", words: [], text: "config/hyperion.rb if present"),
        Option.new(:rackup, Text.new("a rackup file", "FILE"), "config.ru",
                   "Rackup file that makes the application", flag: false, words: [:rackup]),
        Option.new(:bind, Addresses.new, [].freeze,
                   "Listen at: HOST, tcp://HOST:PORT, unix://PATH?umask=0117&mode=0660, @NAME, fd://N; repeatable",
                   short: "-b", words: %i[bind binds host],
                   text: "127.0.0.1 in development, else 0.0.0.0"),
        Option.new(:port, Whole.new(0..65_535), 9292,
                   "Port of every address that names none; 0: the kernel picks, the banner tells",
                   short: "-p", aliases: %w[PORT]),
        Option.new(:threads, ThreadRange.new, 5..5,
                   "Threads that run the application; with MIN:MAX more come when all are blocked, idle ones go",
                   short: "-t", aliases: %w[RAILS_MAX_THREADS], words: %i[threads thread_count]),
        Option.new(:environment, Text.new("a name", "NAME"), DEVELOPMENT,
                   "Environment, for RACK_ENV", short: "-e", aliases: %w[APP_ENV RACK_ENV RAILS_ENV]),
        Option.new(:io_threads, Whole.new(1..64), 1, "Native threads that do the I/O"),
        Option.new(:loop, LoopName.new, "auto",
                   "Event loop of the I/O threads; auto: epoll; io_uring: where the kernel refuses it, an error",
                   aliases: %w[HYPERION_IO_URING_ACCEPT], words: %i[loop io_uring]),
        Option.new(:backlog, Whole.new(1..65_535), 1024,
                   "Connections that wait in the kernel until they are accepted"),

        Option.new(:max_body_bytes, Size.new, 1 << 30, "Largest request body; over it: 413"),
        Option.new(:max_header_bytes, Size.new, 64 << 10, "Largest request head; over it: 431, first line: 414"),
        Option.new(:header_timeout, Duration.new, 30, "A request head must be complete after so long; else 408"),
        Option.new(:body_timeout, Duration.new, 30, "A request body that stands still for so long; 408"),
        Option.new(:min_body_rate, Size.new, 240, "Bytes a second that a request body must make on average; else 408"),
        Option.new(:max_request_read_seconds, Duration.new, 0,
                   "A whole request must have arrived after so long; else 408"),
        Option.new(:write_timeout, Duration.new, 30,
                   "A client that takes nothing of its response for so long is closed"),
        Option.new(:idle_keepalive, Duration.new, 75, "A connection without a request for so long is closed"),
        Option.new(:graceful_timeout, Duration.new, 30,
                   "How long a stop waits for requests in flight before their threads are killed; off: for ever"),

        Option.new(:early_hints, Switch.new, false, "Give the application rack.early_hints, which sends 103 responses"),
        Option.new(:drop_underscore_headers, Switch.new, false,
                   "Drop every request header with an underscore in its name, as nginx does"),
        Option.new(:log_level, Choice.new("debug", "info", "warn", "error", "fatal"), "info",
                   "Least level that is logged"),
        Option.new(:log_format, Choice.new("auto", "text", "json"), "auto",
                   "Form of log lines; auto: json in production, else text, coloured on a terminal"),
        Option.new(:log_requests, Switch.new, true, "One log line for each request", short: "-v")
      ].freeze

      BY_NAME = TABLE.to_h { |option| [option.name, option] }.freeze
      BY_WORD = TABLE.flat_map { |option| option.words.map { |word| [word, option] } }.to_h.freeze

      module_function

      # @return [Option]
      def [](name)
        BY_NAME.fetch(name)
      end

      # @return [Option, nil] the one that `word` of a configuration file or keyword of a server sets
      def for_word(word)
        BY_WORD[word.to_sym]
      end
    end
  end
end
