# frozen_string_literal: true

require_relative "../address"
require_relative "../option"

module Hyperion
  module Config
    # Part of the option table, see {Options}.
    module Options
      LISTENING = [
        Option.new(:bind, Addresses.new, [].freeze,
                   "Listen at: HOST, tcp://HOST:PORT, unix://PATH?umask=0117&mode=0660, @NAME, fd://N; repeatable",
                   short: "-b", words: %i[bind binds host],
                   text: "127.0.0.1 in development, else 0.0.0.0"),
        Option.new(:port, Whole.new(0..65_535), 9292,
                   "Port of every address that names none; 0: the kernel picks, the banner tells",
                   short: "-p", aliases: %w[PORT]),
        Option.new(:backlog, Whole.new(1..65_535), 1024,
                   "Connections that wait in the kernel until they are accepted", engine: true)
      ].freeze
    end
  end
end
