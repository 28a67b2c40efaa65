# frozen_string_literal: true

require_relative "../files"
require_relative "../option"
require_relative "../templater"

module Hyperion
  module Config
    # Part of the option table, see {Options}.
    module Options
      OBSERVING = [
        Option.new(:metrics, Switch.new, true,
                   "Measure durations by path, waits and the like, and serve them at /-/metrics",
                   block: :metrics, word: :enabled, engine: true),
        Option.new(:path_templater, Templater.new, nil,
                   "Ruby code that makes the label path of a request's path",
                   block: :metrics, word: :path_templater, text: "built in"),
        Option.new(:admin_token, Secret.new("a text without blanks at its ends", "TOKEN"), nil,
                   "What requests for /-/metrics and /-/quit must bring as X-Hyperion-Admin-Token",
                   flag: false, block: :admin, word: :token),
        Option.new(:admin_token_file, ReadableFile.new("a file with the token in it", secret: true), nil,
                   "File with that token; it is refused when everybody may read it",
                   block: :admin, word: :token_file),
        Option.new(:admin_listener_host, Text.new("a host", "HOST"), "127.0.0.1",
                   "Host of the listener that admin_listener_port asks for",
                   block: :admin, word: :listener_host),
        Option.new(:admin_listener_port, Whole.new(0..65_535), nil,
                   "Port of a listener that has the admin paths and nothing else; 0: the kernel picks",
                   block: :admin, word: :listener_port,
                   text: "none: with a token they are where the application is")
      ].freeze
    end
  end
end
