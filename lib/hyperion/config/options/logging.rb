# frozen_string_literal: true

require_relative "../option"
require_relative "process"

module Hyperion
  module Config
    # Part of the option table, see {Options}.
    module Options
      LOGGING = [
        Option.new(:log_level, Choice.new("debug", "info", "warn", "error", "fatal"), "info",
                   "Least level that is logged", block: :logging, word: :level, engine: true),
        Option.new(:log_format, Choice.new("auto", "text", "json"), "auto",
                   "Form of log lines; auto: json in production, else text, coloured on a terminal",
                   block: :logging, word: :format),
        Option.new(:log_requests, Switch.new, true, "One log line for each request",
                   short: "-v", block: :logging, word: :requests, engine: true),
        Option.new(:log_file, Text.new("a file", "FILE"), nil,
                   "Write information and the lines of requests to this file; HUP opens it anew; #{MADE}",
                   text: "standard output", block: :logging, word: :file),
        Option.new(:error_log_file, Text.new("a file", "FILE"), nil,
                   "Write warnings and errors to this file; HUP opens it anew; #{MADE}",
                   text: "standard error", block: :logging, word: :error_file),
        Option.new(:logger, LoggerObject.new, nil,
                   "An object with a method info, which takes the lines; with log_format json, Hashes",
                   block: :logging, word: :logger),
        Option.new(:redirect_stdout, Text.new("a file", "FILE"), nil,
                   "Standard output of the whole process goes to this file; HUP opens it anew; #{MADE}", text: "off"),
        Option.new(:redirect_stderr, Text.new("a file", "FILE"), nil,
                   "Standard error of the whole process goes to this file; HUP opens it anew; #{MADE}", text: "off"),
        Option.new(:redirect_append, Switch.new, true,
                   "Keep what is in the files of --redirect-stdout and --redirect-stderr")
      ].freeze
    end
  end
end
