# frozen_string_literal: true

require_relative "metric"

module Hyperion
  class Metrics
    # How much there is of something now.
    class Gauge < Metric
      # @param value [Numeric]
      # @param labels a value for each label
      # @return [self]
      # @raise [ArgumentError]
      def set(value, **labels)
        @metrics.family_set(@number, values(labels), number(value))
        self
      end

      # @return [self]
      def increment(by = 1, **labels)
        @metrics.family_add(@number, values(labels), number(by))
        self
      end

      # @return [self]
      def decrement(by = 1, **labels)
        increment(-number(by), **labels)
      end

      # @return [Float]
      def value(**labels)
        @metrics.family_value(@number, values(labels))
      end
    end
  end
end
