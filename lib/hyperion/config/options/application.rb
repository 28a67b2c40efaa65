# frozen_string_literal: true

require_relative "../option"

module Hyperion
  module Config
    # Part of the option table, see {Options}.
    module Options
      APPLICATION = [
        Option.new(:early_hints, Switch.new, false,
                   "Give the application rack.early_hints, which sends 103 responses", engine: true),
        Option.new(:drop_underscore_headers, Switch.new, false,
                   "Drop every request header with an underscore in its name, as nginx does", engine: true)
      ].freeze
    end
  end
end
