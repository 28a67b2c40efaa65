# frozen_string_literal: true

require_relative "../option"

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
                   short: "-v", block: :logging, word: :requests, engine: true)
      ].freeze
    end
  end
end
