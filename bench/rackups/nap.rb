# frozen_string_literal: true

# The sleeps of the sleeping applications, and how long they really took: the mean, asked for once after a run, says
# what a number of threads can do at most.
module Nap
  @naps = Queue.new

  def self.now_and_then
    return unless rand(10).zero?

    began = clock
    sleep 0.01
    @naps << (clock - began)
  end

  def self.report
    count = @naps.size
    total = Array.new(count) { @naps.pop }.sum
    [200, {"content-type" => "text/plain"}, [format("%.6f", count.zero? ? 0 : total / count)]]
  end

  def self.clock
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
