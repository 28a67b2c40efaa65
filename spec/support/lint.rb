# frozen_string_literal: true

require "rack"
require "rack/lint"

module Support
  # HYPERION_LINT=1 puts Rack::Lint around every application of the suite. An example whose application breaks the SPEC
  # on purpose, or that looks at what Lint hides, says why in its metadata, and is skipped then:
  #
  #   it "sends a String", no_lint: "a String for a body"
  #   it "rewinds", no_lint: {rack_3: "rewind is of Rack 2"}
  module Lint
    RACK = :"rack_#{Rack.release.to_i}"

    module_function

    def on?
      ENV["HYPERION_LINT"] == "1"
    end

    # @param app [#call]
    def wrap(app)
      on? && app.respond_to?(:call) ? Rack::Lint.new(app) : app
    end

    # The same for the text of a rackup file, whose lines keep their numbers.
    def wrap_rackup(text)
      on? ? "require \"rack/lint\"; use Rack::Lint; #{text}" : text
    end

    # @param reason [String, Hash{Symbol => String}]
    # @return [String, nil] why an example cannot run with this Rack's Lint
    def obstacle(reason)
      reason.is_a?(Hash) ? reason[RACK] : reason
    end
  end
end

RSpec.configure do |config|
  if Support::Lint.on?
    config.define_derived_metadata(:no_lint) do |metadata|
      obstacle = Support::Lint.obstacle(metadata[:no_lint])
      metadata[:skip] = "no Rack::Lint: #{obstacle}" if obstacle
    end
  end
end
