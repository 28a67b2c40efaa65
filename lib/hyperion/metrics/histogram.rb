# frozen_string_literal: true

require_relative "metric"

module Hyperion
  class Metrics
    # How often something was how large, in buckets.
    class Histogram < Metric
      # @param value [Numeric]
      # @param labels a value for each label
      # @return [self]
      # @raise [ArgumentError]
      def observe(value, **labels)
        @metrics.family_observe(@number, values(labels), number(value))
        self
      end

      # Observes how many seconds the block takes, also when it raises.
      # @return [Object] what the block returns
      def time(**labels)
        began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        yield
      ensure
        observe(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began, **labels) if began
      end
    end
  end
end
