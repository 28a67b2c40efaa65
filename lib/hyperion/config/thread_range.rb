# frozen_string_literal: true

require_relative "type"

module Hyperion
  module Config
    # How many app threads: N, or from MIN to MAX.
    class ThreadRange < Type
      MOST = 10_000

      def initialize
        super("a number of threads such as 5, or MIN:MAX such as 1:5 or 0:16, at most #{MOST}", "N or MIN:MAX")
      end

      def show(value)
        value.min == value.max ? value.min.to_s : "#{value.min}:#{value.max}"
      end

      private

      def convert(value)
        least, most = ends(value)
        return unless least.is_a?(Integer) && most.is_a?(Integer)

        invalid(value, "MIN (#{least}) is above MAX (#{most})") if least > most
        least..most if least >= 0 && most.between?([least, 1].max, MOST)
      end

      def ends(value)
        case value
        when Integer then [value, value]
        when Range then [value.begin, value.exclude_end? ? nil : value.end]
        when Array then value.size == 2 ? value.map { |number| ends(number)&.first } : []
        when /\A\d+\z/ then [value.to_i, value.to_i]
        when /\A(\d+)[:,] ?(\d+)\z/ then [Regexp.last_match(1).to_i, Regexp.last_match(2).to_i]
        end
      end
    end
  end
end
