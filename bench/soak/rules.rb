# frozen_string_literal: true

require "digest"
require "ripper"
require_relative "statistics"

module Soak
  # What a run must keep to. docs/soak.md gives the reason of each number.
  module Rules
    # Least numbers of samples and windows of latencies, after warm-up, from which anything is concluded.
    SAMPLES = 10
    WINDOWS = 6
    # A leak is looked for in the least of so many neighbouring samples.
    NEIGHBOURS = 4
    # A window holds at least so many plain requests.
    REQUESTS_PER_WINDOW = 1000
    LONGEST_WARM_UP = 600

    # Growth over the judged time that is no leak: a fixed part, and one that grows with time and level.
    RSS_FLOOR = 10.0 # MiB
    DESCRIPTOR_FLOOR = 10.0
    SHARE_PER_HOUR = 0.01

    DESCRIPTORS_BESIDE_CONNECTIONS = 50
    LATENCY_SHARE = 0.20
    # Latencies of a window say nothing about the server when others used more than this share of the machine and its
    # threads waited for a processor for more than that share of the time in which they could have run.
    MOST_FOREIGN = 0.25
    MOST_WAIT = 0.35
    # Differences below these are the machine's: one turn of its scheduler.
    P99_FLOOR = 1.0 # ms
    P50_FLOOR = 0.25 # ms
    # Standard deviations by which a trend must be more than chance.
    CERTAINTY = 2.33
    LEAST_LOAD = 0.8

    # number: nil when there was not enough to judge. bound: what the number may be at most, or at least.
    Finding = Struct.new(:rule, :number, :bound, :unit, :good, :remark)

    # Bytes of this code without comments and space: whoever changes a rule changes the version.
    FILES = [__FILE__, File.join(__dir__, "statistics.rb")].freeze
    SILENT = %i[on_comment on_sp on_nl on_ignored_nl on_embdoc on_embdoc_beg on_embdoc_end].freeze
    VERSION = "1-#{Digest::SHA256.hexdigest(FILES.map do |file|
      Ripper.lex(File.read(file)).reject { |token| SILENT.include?(token[1]) }.map { |token| token[2] }.join(" ")
    end.join("\n"))[0, 12]}".freeze

    # @return [Numeric] seconds at the beginning of each segment that the slopes and latencies leave out
    def self.warm_up(duration)
      [duration / 3.0, LONGEST_WARM_UP].min
    end

    # @return [Numeric] seconds of a window of latencies: at most sixty of them, each with enough requests
    def self.window(duration, interval, plain_rate)
      least = [interval, REQUESTS_PER_WINDOW / plain_rate.to_f, (duration - warm_up(duration)) / 60.0].max
      (least / interval).ceil * interval
    end

    # @param series [Series]
    # @return [Array<Finding>]
    def self.judge(series)
      [rss_growth(series), descriptor_growth(series), descriptor_peak(series), p99_spread(series),
       drift(series, "p99", P99_FLOOR), drift(series, "p50", P50_FLOOR), none(series, :wrong), none(series, :lost),
       crashes(series), log_errors(series), load_kept(series)]
    end

    class << self
      private

      def rss_growth(series)
        growth(series, :rss_growth, :rss_kib, 1024.0, RSS_FLOOR, "MiB")
      end

      def descriptor_growth(series)
        growth(series, :descriptor_growth, :descriptors, 1.0, DESCRIPTOR_FLOOR, "")
      end

      # The slope times the judged time; of several segments the one that is worst.
      def growth(series, rule, column, scale, floor, unit)
        found = series.steady_segments.filter_map do |samples|
          next if samples.size < SAMPLES

          points = floor_of(samples.map { |sample| [sample[:time], sample[column] / scale] })
          seconds = samples.last[:time] - samples.first[:time]
          level = Statistics.median(points.map(&:last))
          number = Statistics.slope(points) * seconds
          bound = [floor, SHARE_PER_HOUR * level * seconds / 3600].max
          Finding.new(rule, number, bound, unit, number <= bound,
                      "#{(number * 3600 / seconds).round(1)} an hour, level #{level.round(1)}, over #{seconds.round} s")
        end
        worst(found) || Finding.new(rule, nil, floor, unit, false, "fewer than #{SAMPLES} samples after warm-up")
      end

      def descriptor_peak(series)
        number = series.samples.map { |sample| sample[:descriptors] }.max
        bound = series.connections + DESCRIPTORS_BESIDE_CONNECTIONS
        Finding.new(:descriptor_peak, number, bound, "", !number.nil? && number <= bound,
                    "#{series.connections} connections")
      end

      # The least of each few neighbours. Garbage and bodies under way come and go on top of what is kept; a leak
      # raises what is left when they have gone.
      def floor_of(points)
        points.each_slice(NEIGHBOURS).map { |slice| slice.min_by(&:last) }
      end

      # Of the windows' 99th percentiles: deviation over mean.
      def p99_spread(series)
        found = calm_segments(series).filter_map do |windows, all|
          next if windows.size < WINDOWS

          tails = windows.map { |window| window[:p99_us] / 1000.0 }
          mean = Statistics.mean(tails)
          number = Statistics.deviation(tails) / mean * 100
          bound = [LATENCY_SHARE, P99_FLOOR / mean].max * 100
          Finding.new(:p99_spread, number, bound, "%", number <= bound,
                      "mean #{mean.round(2)} ms, #{windows.size} of #{all} windows")
        end
        worst(found) || unjudged(series, :p99_spread)
      end

      # @return [Array<Array(Array<Hash>, Integer)>] of each segment: windows in which we had the machine, and how many
      #   there are
      def calm_segments(series)
        series.window_segments.map do |windows|
          [windows.select do |window|
            window[:foreign_cpu] <= MOST_FOREIGN || window[:cpu_wait] <= MOST_WAIT
          end, windows.size]
        end
      end

      def unjudged(series, rule)
        calm = calm_segments(series).sum { |windows, _| windows.size }
        Finding.new(rule, nil, LATENCY_SHARE * 100, "%", false,
                    "#{calm} of #{series.windows.size} windows without others on the machine, #{WINDOWS} needed")
      end

      # How much it has grown in the judged time, against its median: more than the bound, and more than by chance.
      def drift(series, percentile, floor)
        rule = :"#{percentile}_drift"
        found = calm_segments(series).filter_map do |windows, all|
          next if windows.size < WINDOWS

          points = windows.map { |window| [window[:time], window[:"#{percentile}_us"] / 1000.0] }
          level = Statistics.median(points.map(&:last))
          number = Statistics.slope(points) * (points.last[0] - points.first[0]) / level * 100
          bound = [LATENCY_SHARE, floor / level].max * 100
          certainty = Statistics.trend(points.map(&:last))
          Finding.new(rule, number, bound, "%", number <= bound || certainty < CERTAINTY,
                      "median #{level.round(2)} ms, trend #{certainty.round(1)} sigma, " \
                      "#{windows.size} of #{all} windows")
        end
        worst(found) || unjudged(series, rule)
      end

      def none(series, fault)
        number = series.samples.sum { |sample| sample[fault] }
        Finding.new(:"#{fault}_responses", number, 0, "", number.zero?,
                    "#{series.samples.sum { |sample| sample[:right] }} right ones")
      end

      def crashes(series)
        bad = series.ends.compact.reject { |ending| ending == "exit 0" }
        unknown = series.ends.count(nil)
        Finding.new(:crashes, bad.size, 0, "", bad.empty?,
                    [*bad, ("#{unknown} without a recorded end" if unknown.positive?)].compact.join(", "))
      end

      def log_errors(series)
        number = series.samples.sum { |sample| sample[:unexplained] }
        Finding.new(:log_errors, number, 0, "", number.zero?,
                    "#{series.samples.sum { |sample| sample[:explained] }} lines that the mix explains")
      end

      # A client that asked for nothing has seen no fault.
      def load_kept(series)
        steady = series.steady_segments.flatten
        asked = series.plain_rate * steady.sum { |sample| sample[:seconds] }
        number = asked.zero? ? nil : steady.sum { |sample| sample[:plain] } / asked * 100
        Finding.new(:load_kept, number, LEAST_LOAD * 100, "%", !number.nil? && number >= LEAST_LOAD * 100,
                    "of the plain requests that were to be sent; at least")
      end

      def worst(findings)
        findings.max_by { |finding| [finding.good ? 0 : 1, finding.number / finding.bound] }
      end
    end
  end
end
