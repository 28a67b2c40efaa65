# frozen_string_literal: true

require "etc"
require_relative "../clock"
require_relative "../load/process_time"

module Soak
  # What others on the machine, the hypervisor's other guests among them, did to our processes since the last question.
  class Machine
    include Bench::Clock

    # @param server [Integer] pid of the server
    # @param others [Array<Integer>] pids of the other processes that are ours
    def initialize(server, others)
      @server = server
      @own = [server, *others]
      disturbance
    end

    # @return [Hash] foreign_cpu: share of all processors that was used and not by us. cpu_wait: of the time in which
    #   threads of the server could have run, the share in which they waited for a processor.
    def disturbance
      now = [clock, busy, @own.sum { |pid| processor_time(pid) }, *schedule]
      time, busy, own, ran, waited = now.zip(@last || now).map { |after, before| after - before }
      @last = now
      {foreign_cpu: share(busy - own, time * Etc.nprocessors), cpu_wait: share(waited, ran + waited)}
    end

    private

    def share(part, whole)
      whole.positive? ? (part / whole.to_f).clamp(0.0, 1.0) : 0.0
    end

    # user, nice, system, steal: what interrupts take is mostly our own loopback traffic.
    def busy
      File.read("/proc/stat")[/^cpu +(.*)/, 1].split.map(&:to_i).values_at(0, 1, 2, 7).sum / Bench::ProcessTime::TICKS
    end

    def processor_time(pid)
      Bench::ProcessTime.of(pid)
    rescue SystemCallError
      0.0
    end

    # @return [Array(Integer, Integer)] nanoseconds that the server's threads ran and waited; zeros where the kernel
    #   does not count them
    def schedule
      Dir.glob("/proc/#{@server}/task/*/schedstat").map { |path| read(path) }.transpose.map(&:sum).then do |sums|
        sums.empty? ? [0, 0] : sums
      end
    end

    def read(path)
      File.read(path).split.first(2).map(&:to_i)
    rescue SystemCallError
      [0, 0]
    end
  end
end
