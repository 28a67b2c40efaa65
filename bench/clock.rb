# frozen_string_literal: true

module Bench
  # Seconds that only ever grow.
  module Clock
    private

    def clock
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
