# frozen_string_literal: true

require_relative "type"

module Hyperion
  module Config
    # A number with a unit, 0 or off for "no limit".
    class Measure < Type
      OFF = ["off", :off, false, 0, "0"].freeze

      private

      # The number and the unit of a text; nil when it is none.
      def split(text, units)
        match = /\A(\d+(?:_\d+)*(?:\.\d+)?)\s*(#{units.keys.join("|")})?\z/.match(text.strip.downcase)
        match && (match[1].delete("_").to_r * units.fetch(match[2] || ""))
      end
    end

    # Bytes.
    class Size < Measure
      UNITS = {"" => 1, "b" => 1, "k" => 1 << 10, "kb" => 1 << 10, "m" => 1 << 20, "mb" => 1 << 20,
               "g" => 1 << 30, "gb" => 1 << 30}.freeze

      def initialize
        super("a size such as 65536, 64k, 16m or 1g, or off", "SIZE")
      end

      def show(value)
        return "off" if value.zero?

        unit = %w[g m k].find { |name| (value % UNITS[name]).zero? }
        unit ? "#{value / UNITS[unit]}#{unit}" : value.to_s
      end

      private

      def convert(value)
        return 0 if OFF.include?(value)

        value = split(value, UNITS) if value.is_a?(String)
        value.to_i if (value.is_a?(Rational) || value.is_a?(Integer)) && value == value.to_i && value.between?(0,
                                                                                                               1 << 60)
      end
    end

    # Seconds.
    class Duration < Measure
      UNITS = {"" => 1, "ms" => 1/1000r, "s" => 1, "m" => 60, "h" => 3600}.freeze
      LONGEST = 366 * 24 * 3600

      def initialize
        super("a time such as 30, 30s, 500ms, 2m or 1h, or off", "TIME")
      end

      def show(value)
        return "off" if value.zero?

        value < 1 ? "#{(value * 1000).round}ms" : "#{value}s"
      end

      private

      def convert(value)
        return 0 if OFF.include?(value)

        value = split(value, UNITS) if value.is_a?(String)
        return unless value.is_a?(Numeric) && value.real? && value.finite? && value.between?(0, LONGEST)

        value == value.to_i ? value.to_i : value.to_f
      end
    end
  end
end
