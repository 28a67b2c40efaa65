# frozen_string_literal: true

require "cgi"
require "erb"

module Soak
  # The report: one HTML file with the verdict and a plot for each series, which needs nothing from anywhere.
  class Page
    # Columns of a sample, a factor, what they are.
    Plot = Struct.new(:title, :unit, :lines)
    PLOTS = [
      Plot.new("Memory", "MiB", {"RSS" => [:rss_kib, 1 / 1024.0], "PSS" => [:pss_kib, 1 / 1024.0]}),
      Plot.new("Open descriptors", "", {"descriptors" => [:descriptors, 1],
                                        "connections" => [:server_connections, 1]}),
      Plot.new("Threads", "", {"threads" => [:threads, 1]}),
      Plot.new("Ruby heap pages", "", {"pages" => [:heap_pages, 1]}),
      Plot.new("Live objects", "thousands", {"objects" => [:live_objects, 1e-3]}),
      Plot.new("Queue depth and requests in flight", "",
               {"in flight" => [:in_flight, 1], "queue" => [:queue_depth, 1]}),
      Plot.new("Latency of plain requests, median and 99th percentile", "ms",
               {"p99" => [:p99_us, 1e-3], "p50" => [:p50_us, 1e-3]}),
      Plot.new("Latency of plain requests, 99.9th percentile", "ms", {"p99.9" => [:p999_us, 1e-3]}),
      Plot.new("Processor time per request", "µs", {"CPU" => [:cpu_us_per_request, 1]}),
      Plot.new("Other processes on the machine", "%", {"processors that others used" => [:foreign_cpu, 100],
                                                       "waits of the server's threads" => [:cpu_wait, 100]}),
      Plot.new("Answers that were right, in each sample", "", {"right" => [:right, 1]}),
      Plot.new("Answers that were wrong or lost", "", {"wrong" => [:wrong, 1], "lost" => [:lost, 1]})
    ].freeze
    COLOURS = %w[#2563a8 #c2501e].freeze
    WIDTH = 720
    HEIGHT = 180
    MOST_POINTS = 1000

    def initialize(series, verdict)
      @series = series
      @verdict = verdict
    end

    def write
      template = File.read(File.join(__dir__, "page.html.erb"))
      File.write(@series.path("report.html"), ERB.new(template, trim_mode: "-").result(binding))
    end

    private

    def escape(text)
      CGI.escapeHTML(text.to_s)
    end

    # @return [String] SVG
    def draw(plot)
      lines = plot.lines.transform_values { |column, factor| points(column, factor) }
      top = nice([lines.values.flatten(1).map(&:last).max || 0, 1e-3].max)
      parts = [0, 0.5, 1].map { |share| grid(top * share, y(top * share, top)) }
      parts += segment_marks + [warm_up_mark] + time_axis
      parts += lines.values.each_with_index.map { |line, index| path(line, top, COLOURS[index]) }
      %(<svg viewBox="0 0 #{WIDTH + 80} #{HEIGHT + 40}" role="img">#{parts.join}</svg>)
    end

    # With many samples the largest of neighbours: a peak must not vanish between two points.
    def points(column, factor)
      samples = @series.samples.select { |sample| sample[column] }
      each = (samples.size / MOST_POINTS.to_f).ceil
      return [] if samples.empty?

      samples.each_slice(each).map do |slice|
        sample = slice.max_by { |one| one[column] }
        [sample[:time], sample[column] * factor]
      end
    end

    def end_time = [@series.elapsed, 1].max
    def x(time) = (60 + time * WIDTH / end_time.to_f).round(1)
    def y(value, top) = (10 + HEIGHT * (1 - value / top)).round(1)

    # The next of 1, 2, 2.5, 5, 10 times a power of ten.
    def nice(value)
      power = 10.0**Math.log10(value).floor
      [1, 2, 2.5, 5, 10].map { |step| step * power }.find { |step| step >= value * 0.999 }
    end

    def grid(value, height)
      text = value == value.round ? value.round.to_s : value.round(4).to_s
      %(<line class="grid" x1="60" x2="#{WIDTH + 60}" y1="#{height}" y2="#{height}"/>) +
        %(<text class="right" x="54" y="#{height + 4}">#{text}</text>)
    end

    def time_axis
      unit, name = if end_time >= 7200
                     [3600.0, "h"]
                   elsif end_time >= 300
                     [60.0, "min"]
                   else
                     [1.0, "s"]
                   end
      (0..4).map do |quarter|
        time = end_time * quarter / 4.0
        %(<text class="middle" x="#{x(time)}" y="#{HEIGHT + 28}">#{(time / unit).round(1)} #{name}</text>)
      end
    end

    def segment_marks
      @series.facts[:segments].drop(1).map { |segment| mark(segment[:began], "segment") }
    end

    def warm_up_mark
      mark(@series.facts[:warm_up], "warm-up")
    end

    def mark(time, name)
      %(<line class="#{name}" x1="#{x(time)}" x2="#{x(time)}" y1="10" y2="#{HEIGHT + 10}"><title>#{name}</title></line>)
    end

    def path(line, top, colour)
      places = line.map { |time, value| "#{x(time)},#{y(value, top)}" }
      %(<polyline stroke="#{colour}" points="#{places.join(" ")}"/>)
    end
  end
end
