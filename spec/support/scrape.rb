# frozen_string_literal: true

require "open3"

module Support
  # A page of metrics, taken apart.
  class Scrape
    # One sample.
    Sample = Struct.new(:name, :labels, :value)
    LINE = /\A([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)\z/
    LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/

    # @return [String]
    attr_reader :text
    # @return [Array<Sample>]
    attr_reader :samples

    # @return [Float] of the format's way to write it
    def self.number(text)
      text == "+Inf" ? Float::INFINITY : Float(text)
    end

    def initialize(text)
      @text = text.dup.force_encoding(Encoding::UTF_8)
      @samples = @text.lines.grep_v(/\A#/).map do |line|
        name, labels, value = LINE.match(line.chomp)&.captures || raise("no sample: #{line.inspect}")
        Sample.new(name, labels.to_s.scan(LABEL).to_h.transform_keys(&:to_sym), Scrape.number(value))
      end
    end

    # @return [Float, nil] the sum of the samples of that name with these labels
    def [](name, **labels)
      found = @samples.select { |sample| sample.name == name && labels <= sample.labels }
      found.sum(&:value) unless found.empty?
    end

    # @return [Array<String>] the values that a label has
    def values(name, label)
      @samples.select { |sample| sample.name == name }.map { |sample| sample.labels[label] }.uniq
    end

    # @return [String] what `promtool check metrics` has to say, nothing where it agrees
    def faults
      output, status = Open3.capture2e({"LD_PRELOAD" => nil}, "promtool", "check", "metrics", stdin_data: @text)
      status.success? ? output : "#{output}(#{status})"
    end
  end
end
