# frozen_string_literal: true

module Support
  # Tests wait for conditions, never for times.
  module Waiting
    # The most that anything in a test may take before it counts as hanging, in seconds.
    PATIENCE = 30

    # Calls the block until its result is truthy.
    # @param what [String] for the failure message
    # @return [Object] that result
    def wait_until(what = "the condition", patience: PATIENCE)
      deadline = monotonic + patience
      loop do
        result = yield
        return result if result
        raise "#{what} did not come true within #{patience} s" if monotonic > deadline

        sleep 0.005
      end
    end

    # @return [Float] seconds of the monotonic clock
    def monotonic
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
