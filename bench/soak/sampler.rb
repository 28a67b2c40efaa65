# frozen_string_literal: true

require_relative "../clock"
require_relative "machine"

module Soak
  # Takes a sample: from the kernel, from the server, from the clients and from the log; adds it to the series.
  class Sampler
    include Bench::Clock

    # @param number [Integer] of the segment
    def initialize(series, server, crew, number)
      @series = series
      @server = server
      @crew = crew
      @number = number
      @base = series.elapsed
      @began = @last = clock
      @machine = Machine.new(server.pid, [Process.pid, *crew.pids])
      @last_cpu = server.footprint[:cpu_seconds]
      @last_requests = server.metrics["hyperion_requests_total"]
      @window = []
      @disturbed = []
    end

    # @return [String] a line about it
    # @raise [Server::Failure, Crew::Failure]
    def sample
      seen = @crew.ask
      add("load", seen, @server.footprint, @server.metrics, @server.heap)
    end

    # The clients end, with what they have begun; one sample more tells of that.
    def finish
      seen = @crew.finish
      add("drain", seen, @server.footprint, @server.metrics, @server.heap)
    end

    # What the server has logged while it ended.
    def last_lines
      explained, unexplained = @server.log.counts
      return if (explained + unexplained).zero? || @series.samples.empty?

      @series.amend(explained: explained, unexplained: unexplained)
    end

    private

    def add(phase, seen, footprint, metrics, heap)
      now = clock
      requests = metrics["hyperion_requests_total"]
      explained, unexplained = @server.log.counts
      @series.add_sample({segment: @number, phase: phase, time: @base + now - @began, seconds: now - @last, **footprint,
                          heap_pages: heap["heap_allocated_pages"], live_objects: heap["heap_live_slots"],
                          gc_runs: heap["count"], queue_depth: metrics["hyperion_threadpool_queue_depth"].to_i,
                          in_flight: metrics["hyperion_requests_in_flight"].to_i, requests: requests.to_i,
                          server_connections: metrics["hyperion_connections_active"].to_i,
                          cpu_us_per_request: per_request(footprint, requests), plain: seen[:latencies].size,
                          **percentiles(seen[:latencies]), right: seen[:right].values.sum,
                          **seen.slice(:wrong, :lost, :given_up), **@machine.disturbance,
                          explained: explained, unexplained: unexplained})
      note(seen[:told])
      window(seen[:latencies], now) if phase == "load"
      @last = now
      @last_cpu = footprint[:cpu_seconds]
      @last_requests = requests
      line(@series.samples.last)
    end

    def per_request(footprint, requests)
      (footprint[:cpu_seconds] - @last_cpu) * 1e6 / [requests - @last_requests, 1].max
    end

    # Nearest rank, of every single value.
    def percentiles(latencies)
      sorted = latencies.sort
      {p50_us: 0.5, p99_us: 0.99, p999_us: 0.999}.transform_values do |share|
        sorted[(sorted.size * share).ceil - 1] unless sorted.empty?
      end
    end

    # Windows begin after warm-up and consist of whole intervals. The last one counts when it is full.
    def window(latencies, now)
      return if @last - @began < @series.facts[:warm_up] - @series.facts[:interval] / 2.0

      @window.concat(latencies)
      @disturbed << @series.samples.last.values_at(:foreign_cpu, :cpu_wait)
      @window_began_at ||= @last
      return if now - @window_began_at < @series.facts[:window] - @series.facts[:interval] / 2.0

      add_window(now) if @window.any?
      @window = []
      @disturbed = []
      @window_began_at = now
    end

    def add_window(now)
      foreign, wait = @disturbed.transpose.map { |shares| shares.sum / shares.size }
      @series.add_window({segment: @number, time: @base + now - @began, count: @window.size, **percentiles(@window),
                          max_us: @window.max, foreign_cpu: foreign, cpu_wait: wait})
    end

    def note(told)
      File.write(@series.path("faults.txt"), told.map { |text| "#{text}\n" }.join, mode: "a") if told.any?
    end

    def line(sample)
      format("%6d s  rss %7d KiB  fds %3d  threads %2d  queue %d  p50 %5.2f ms  p99 %6.2f ms  cpu %4d us/request  " \
             "right %d  wrong %d  lost %d  log %d",
             sample[:time], sample[:rss_kib], sample[:descriptors], sample[:threads], sample[:queue_depth],
             sample[:p50_us].to_i / 1e3, sample[:p99_us].to_i / 1e3, sample[:cpu_us_per_request], sample[:right],
             sample[:wrong], sample[:lost], sample[:unexplained])
    end
  end
end
