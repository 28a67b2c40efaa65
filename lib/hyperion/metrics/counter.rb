# frozen_string_literal: true

require_relative "metric"

module Hyperion
  class Metrics
    # How often something happened: it only grows.
    class Counter < Metric
      # @param by [Numeric] 0 or more
      # @param labels a value for each label
      # @return [self]
      # @raise [ArgumentError]
      def increment(by = 1, **labels)
        by = number(by)
        raise ArgumentError, "#{name}: a counter only grows" if by.negative?

        @metrics.family_add(@number, values(labels), by)
        self
      end

      # @return [Float]
      def value(**labels)
        @metrics.family_value(@number, values(labels))
      end
    end
  end
end
