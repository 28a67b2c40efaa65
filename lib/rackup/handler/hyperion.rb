# frozen_string_literal: true

require "rackup/handler"
require_relative "../../hyperion/rack_handler"

module Rackup
  # Where rackup looks for servers.
  module Handler
    # `rackup -s hyperion` and `rails server -u hyperion`. See Hyperion::RackHandler.
    class Hyperion
      extend ::Hyperion::RackHandler
    end

    register :hyperion, Hyperion
  end
end
