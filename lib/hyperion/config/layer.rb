# frozen_string_literal: true

require_relative "hooks"
require_relative "options"

module Hyperion
  module Config
    # What one source says: the flags, the environment (see {Environment}), a file, or keywords.
    class Layer
      # A value and the place where somebody wrote it, for messages.
      Setting = Struct.new(:value, :origin)

      # @return [Array<String>] what whoever wrote it should know, a line each
      attr_reader :warnings
      # @return [Hooks]
      attr_reader :hooks
      # @return [PumaPart, nil] what was said in words of Puma alone
      attr_accessor :puma

      def initialize
        @settings = {}
        @warnings = []
        @hooks = Hooks.new
      end

      # @param option [Option]
      # @param value [Object] as it was given
      # @param origin [String] where, as it reads best before a colon
      # @raise [ConfigError]
      def set(option, value, origin)
        value = option.type.cast(value)
        value = @settings[option.name].value + value if option.type.repeatable? && @settings.key?(option.name)
        @settings[option.name] = Setting.new(value, origin)
      rescue InvalidValue => error
        raise ConfigError, "#{origin}: #{error.message}"
      end

      # The same for the option or options that a word stands for, a former one with a warning.
      # @param word [Symbol]
      # @return [Boolean] whether there is such a word
      # @raise [ConfigError]
      def say(word, value, origin)
        if (option = Options.for_word(word))
          set(option, value, origin)
        elsif (options = Options::MOVED[word])
          options.each { |one| set(one, value, origin) }
          warn(origin, options.first.moved[word])
        else
          return false
        end
        true
      end

      # Makes an option as if nobody had set it here.
      # @param name [Symbol]
      def forget(name)
        @settings.delete(name)
      end

      # Notes a warning, once.
      def warn(origin, text)
        line = "#{origin}: #{text}"
        @warnings << line unless @warnings.include?(line)
      end

      # @return [Setting, nil]
      def [](name)
        @settings[name]
      end
    end
  end
end
