# frozen_string_literal: true

require_relative "types"

module Hyperion
  module Config
    # What makes the value of the label `path` of a request's path: whatever has a method call, or template as in 2.x.
    class Templater < Callable
      def initialize
        super("a block or an object with a method call, which takes a path and returns its shape")
      end

      private

      def convert(value)
        super || (value.method(:template) if value.respond_to?(:template))
      end
    end
  end
end
