# frozen_string_literal: true

require_relative "type"

module Hyperion
  module Config
    # A whole number.
    class Whole < Type
      def initialize(range, metavar: "N")
        super("a whole number from #{range.min} to #{range.max}", metavar)
        @range = range
      end

      private

      def convert(value)
        value = Integer(value, 10) if value.is_a?(String) && value.match?(/\A\d+(_\d+)*\z/)
        value if value.is_a?(Integer) && @range.cover?(value)
      end
    end

    # On or off.
    class Switch < Type
      WORDS = {true => true, false => false}.merge(
        %w[on true yes 1].to_h { |word| [word, true] }, %w[off false no 0].to_h { |word| [word, false] }
      ).freeze

      def initialize
        super("on or off", nil)
      end

      def show(value)
        value ? "on" : "off"
      end

      private

      def convert(value)
        WORDS[value.is_a?(String) || value.is_a?(Symbol) ? value.to_s.downcase : value]
      end
    end

    # One of a few words.
    class Choice < Type
      def initialize(*words)
        super("#{words[..-2].join(", ")} or #{words.last}", words.join("|"))
        @words = words
      end

      private

      def convert(value)
        return unless value.is_a?(String) || value.is_a?(Symbol)

        @words.find { |word| value.to_s.downcase == word }
      end
    end

    # What takes log lines.
    class LoggerObject < Type
      def initialize
        super("an object with a method info", nil)
      end

      def show(value)
        value.nil? ? "none" : value.class.name.to_s
      end

      def text?
        false
      end

      private

      def convert(value)
        value if value.respond_to?(:info)
      end
    end

    # A word or a path.
    class Text < Type
      private

      def convert(value)
        value = value.to_s if value.is_a?(Symbol) || value.respond_to?(:to_path)
        value if value.is_a?(String) && !value.empty? && !value.include?("\0")
      end
    end

    # Several values of another type; in one text they stand apart by spaces or commas. A source may name it repeatedly.
    class List < Type
      # @param item [Type]
      def initialize(item)
        super("#{item.expected}; or several", item.metavar)
        @item = item
      end

      def cast(value)
        list = value.is_a?(String) ? value.split(/[\s,]+/) : Array(value)
        list.empty? ? invalid(value) : list.map { |one| @item.cast(one) }
      end

      def show(value)
        value.empty? ? "none" : value.map { |one| @item.show(one) }.join(" ")
      end

      def repeatable?
        true
      end
    end

    # Ruby code: whatever has a method call. In the configuration file it may be the word's block.
    class Callable < Type
      def initialize(expected = "a block, or an object with a method call")
        super(expected, nil)
      end

      def show(value)
        case value
        when nil then "none"
        when Proc, Method then "#{value.class.name.downcase} of #{value.source_location&.join(":") || "Ruby itself"}"
        else "a #{value.class}"
        end
      end

      def text?
        false
      end

      def callable?
        true
      end

      private

      def convert(value)
        value if value.respond_to?(:call)
      end
    end
  end
end
