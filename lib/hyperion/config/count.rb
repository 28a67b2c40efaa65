# frozen_string_literal: true

require_relative "type"

module Hyperion
  module Config
    # A number of things, 0 or off for "no limit".
    class Count < Type
      MOST = 1_000_000_000

      def initialize
        super("a whole number from 1 to #{MOST}, or off", "N")
      end

      def show(value)
        value.zero? ? "off" : value.to_s
      end

      private

      def convert(value)
        return 0 if ["off", :off, false].include?(value)

        value = Integer(value, 10) if value.is_a?(String) && value.match?(/\A\d+(_\d+)*\z/)
        value if value.is_a?(Integer) && value.between?(0, MOST)
      end
    end
  end
end
