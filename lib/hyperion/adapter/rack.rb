# frozen_string_literal: true

module Hyperion
  module Adapter
    # The Rack boundary: the one place where the engine calls into Ruby to have a request answered.
    module Rack
      # @param app [#call] the Rack application, or the block of a route
      # @param env [Hash{String => Object}] a Rack environment of its own
      # @return [Array(Integer, Hash, Object)] status, headers, body (Rack SPEC, "The Response")
      def self.dispatch_for_c_loop(app, env)
        app.call(env)
      end
    end
  end
end
