# frozen_string_literal: true

require "csv"
require "fileutils"
require "json"
require_relative "rules"

module Soak
  # What is wrong with the command line, in one line.
  class UsageError < StandardError; end

  # A run on disk: run.json (what was asked for, and how each segment ended), samples.csv, windows.csv. A segment is the
  # time of one server; a run that was interrupted and resumed has several. Everything is written as it happens.
  class Series
    SAMPLE = %i[
      segment phase time seconds rss_kib pss_kib descriptors threads heap_pages live_objects gc_runs queue_depth
      in_flight server_connections requests cpu_seconds cpu_us_per_request plain p50_us p99_us p999_us right wrong lost
      given_up foreign_cpu cpu_wait explained unexplained
    ].freeze
    WINDOW = %i[segment time count p50_us p99_us p999_us max_us foreign_cpu cpu_wait].freeze

    # Paths of applications begin here.
    ROOT = File.expand_path("../..", __dir__)

    attr_reader :folder, :facts, :samples, :windows

    # @param facts [Hash] what the run was asked for
    def self.create(folder, facts)
      FileUtils.mkdir_p(folder)
      new(folder, {rules: Rules::VERSION, segments: [], **facts}).tap do |series|
        series.save
        File.write(series.path("samples.csv"), SAMPLE.to_csv)
        File.write(series.path("windows.csv"), WINDOW.to_csv)
      end
    end

    # @raise [UsageError] when there is no run
    def self.load(folder)
      raise UsageError, "there is no run in #{folder}" unless File.file?(File.join(folder, "run.json"))

      facts = JSON.parse(File.read(File.join(folder, "run.json")), symbolize_names: true)
      new(folder, facts, read(folder, "samples.csv"), read(folder, "windows.csv"))
    end

    def self.read(folder, name)
      CSV.read(File.join(folder, name), headers: true, header_converters: :symbol, converters: :numeric).map(&:to_h)
    end
    private_class_method :read

    def initialize(folder, facts, samples = [], windows = [])
      @folder = folder
      @facts = facts
      @samples = samples
      @windows = windows
    end

    def path(name)
      File.join(@folder, name)
    end

    def save
      File.write(path("run.json.new"), "#{JSON.pretty_generate(@facts)}\n")
      File.rename(path("run.json.new"), path("run.json"))
    end

    # @return [Integer] its number, from 1
    def begin_segment
      @facts[:segments] << {began: elapsed, end: nil}
      save
      @facts[:segments].size
    end

    # @param ending [String] "exit 0" is a good one
    def end_segment(ending)
      @facts[:segments].last[:end] = ending
      save
    end

    def add_sample(sample)
      @samples << sample.transform_values { |value| value.is_a?(Float) ? value.round(4) : value }
      append("samples.csv", @samples.last.values_at(*SAMPLE))
    end

    # Adds to the last sample what came after it.
    def amend(numbers)
      numbers.each { |name, number| @samples.last[name] += number }
      File.write(path("samples.csv"), [SAMPLE, *@samples.map { |sample| sample.values_at(*SAMPLE) }].map(&:to_csv).join)
    end

    def add_window(window)
      @windows << window.transform_values { |value| value.is_a?(Float) ? value.round(4) : value }
      append("windows.csv", @windows.last.values_at(*WINDOW))
    end

    # @return [Numeric] seconds so far, of all segments
    def elapsed
      @samples.empty? ? 0 : @samples.last[:time]
    end

    def connections = @facts[:connections]
    def plain_rate = @facts[:plain_rate]
    def ends = @facts[:segments].map { |segment| segment[:end] }

    # @return [Array<Array<Hash>>] each segment's samples under load, after warm-up
    def steady_segments
      @samples.group_by { |sample| sample[:segment] }.map do |number, samples|
        began = @facts[:segments][number - 1][:began] + @facts[:warm_up]
        samples.select { |sample| sample[:phase] == "load" && sample[:time] > began }
      end
    end

    # @return [Array<Array<Hash>>] each segment's windows; they begin after warm-up
    def window_segments
      @windows.group_by { |window| window[:segment] }.values
    end

    private

    def append(name, values)
      File.write(path(name), values.to_csv, mode: "a")
    end
  end
end
