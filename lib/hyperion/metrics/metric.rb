# frozen_string_literal: true

module Hyperion
  class Metrics
    # What counters, gauges and histograms have in common. Any thread may use one.
    class Metric
      # @return [Symbol]
      attr_reader :name
      # @return [Array<Symbol>]
      attr_reader :labels

      # @private
      def initialize(metrics, name, number, labels)
        @metrics = metrics
        @name = name
        @number = number
        @labels = labels
      end

      private

      # The values in the order of the labels.
      def values(given)
        unless given.size == @labels.size
          raise ArgumentError, "#{@name} has #{@labels.empty? ? "no labels" : "the labels #{@labels.join(", ")}"}, " \
                               "given: #{given.empty? ? "none" : given.keys.join(", ")}"
        end

        @labels.map do |label|
          text(given.fetch(label) { raise ArgumentError, "#{@name} needs a value for the label #{label}" })
        end
      end

      def text(value)
        text = value.to_s
        return text if text.encoding == Encoding::UTF_8 || text.ascii_only?

        text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace, replace: "?")
      end

      def number(value)
        value = Float(value)
        raise ArgumentError, "#{@name}: not a number" if value.nan?

        value
      end
    end
    private_constant :Metric
  end
end
