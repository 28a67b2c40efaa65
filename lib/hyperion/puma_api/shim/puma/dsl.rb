# frozen_string_literal: true

require_relative "../puma"

module Puma
  # For plugins that reopen it to add words of their own, which write into @options. The other words are
  # Hyperion::Config::PumaWords.
  class DSL
    # @param options [Hash{Symbol => Object}]
    def initialize(options, config)
      @options = options
      @config = config
    end
  end
end
