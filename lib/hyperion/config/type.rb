# frozen_string_literal: true

require_relative "../errors"

module Hyperion
  module Config
    # A value that an option cannot take. The message says what it can take; whoever catches it adds the place.
    class InvalidValue < ConfigError; end

    # What kind of value an option has. Text (flags, environment) and Ruby values (files, keywords) go through the same
    # `cast`.
    class Type
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
        raise InvalidValue, "#{value.inspect} is not allowed, expected #{expected}" if converted.nil?

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
    end
  end
end
