# frozen_string_literal: true

require "rack/handler"
require_relative "../../hyperion/rack_handler"

module Rack
  # Where Rack 2 looks for servers.
  module Handler
    # `rackup -s hyperion` under Rack 2, whose handlers live here. See Hyperion::RackHandler.
    class Hyperion
      extend ::Hyperion::RackHandler
    end

    register "hyperion", Hyperion
  end
end
