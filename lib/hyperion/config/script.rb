# frozen_string_literal: true

require_relative "layer"

module Hyperion
  module Config
    # The configuration file: Ruby, run inside an object whose methods are the words of the option table.
    class Script
      # What the file's code sees as `self`.
      class Words
        def initialize(script)
          @hyperion_script = script
        end

        Options::BY_WORD.each do |word, option|
          define_method(word) { |*values| @hyperion_script.say(word, option, values) }
        end

        private

        def method_missing(word, *)
          @hyperion_script.unknown(word)
        end

        def respond_to_missing?(*)
          false
        end
      end

      # @param path [String]
      # @return [Layer]
      # @raise [ConfigError] with file and line
      def self.load(path)
        new(path).load
      end

      def initialize(path)
        @path = path
        @layer = Layer.new
      end

      def load
        Words.new(self).instance_eval(source, @path, 1)
        @layer
      rescue ConfigError
        raise
      rescue ScriptError, StandardError => error
        message = error.message.lines.first.to_s.strip
        # A syntax error begins with the place; others have it in the backtrace.
        unless message.start_with?("#{@path}:")
          message = "#{place(error.backtrace_locations)}: #{error.class}: #{message}"
        end
        raise ConfigError, message
      end

      # A word of the file with its values.
      def say(word, option, values)
        origin = "#{place(caller_locations)}: #{word}"
        values = [true] if values.empty? && option.switch?
        raise ConfigError, "#{origin}: a value is missing, expected #{option.type.expected}" if values.empty?

        @layer.set(option, values.size == 1 ? values.first : values, origin)
      end

      # A word that does not exist.
      def unknown(word)
        place = place(caller_locations)
        nearest = Nearest.to(word, Options::BY_WORD.keys)
        raise ConfigError, "#{place}: #{word} is no word of the configuration; the nearest is #{nearest}"
      end

      private

      def source
        File.read(@path, encoding: Encoding::UTF_8)
      rescue SystemCallError => error
        raise ConfigError, "cannot read the configuration file #{@path}: #{error.message[/\A[^@-]+/].strip.downcase}"
      end

      # The line of the file that Ruby is in.
      def place(locations)
        line = locations&.find { |location| location.path == @path }&.lineno
        line ? "#{@path}:#{line}" : @path
      end
    end
  end
end
