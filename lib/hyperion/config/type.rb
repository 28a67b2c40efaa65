# frozen_string_literal: true

require_relative "../errors"

module Hyperion
  module Config
    # A value that an option cannot take. The message says what it can take; whoever catches it adds the place.
    class InvalidValue < ConfigError; end

    # What kind of value an option has. Text (flags, environment) and Ruby values (files, keywords) go through the same
    # `cast`. A type of one's own implements `convert`.
    class Type
      # How much of a wrong value a message repeats, in letters.
      REPEATED = 80

      # @return [String] what is allowed, for messages: "expected ..."
      attr_reader :expected
      # @return [String, nil] stands for the value in --help; nil: the flag has none
      attr_reader :metavar

      def initialize(expected, metavar)
        @expected = expected
        @metavar = metavar
      end

      # @return [Object] the value as the server takes it; a cast value stays the same
      # @raise [InvalidValue]
      def cast(value)
        converted = convert(value)
        invalid(value) if converted.nil?
        converted
      end

      # @return [String] for people
      def show(value)
        value.nil? ? "none" : value.to_s
      end

      # Several values of one source are collected, not replaced by the last.
      def repeatable?
        false
      end

      # Whether a value can be written as text. What cannot has neither flag nor variable.
      def text?
        true
      end

      # Whether a block of the configuration file can be the value.
      def callable?
        false
      end

      private

      # @return [Object, nil] nil: not allowed
      def convert(value)
        raise NotImplementedError
      end

      def invalid(value, why = "expected #{expected}")
        raise InvalidValue, "#{repeat(value)} is not allowed, #{why}"
      end

      # A wrong value, on one line.
      def repeat(value)
        text = value.inspect.tr("\n", " ")
        text.size > REPEATED ? "#{text[0, REPEATED]}..." : text
      end
    end
  end
end
