# frozen_string_literal: true

require_relative "layer"
require_relative "puma_part"
require_relative "words"

module Hyperion
  module Config
    # The configuration file: Ruby, run inside an object whose methods are the words of the option table. A dialect
    # gives another vocabulary, or another answer to a word that is unknown.
    class Script
      # @return [Layer] what the file says
      attr_reader :layer

      # @param path [String]
      # @return [Layer]
      # @raise [ConfigError] with file and line
      def self.load(path)
        new(path).load
      end

      # @param vocabulary [Class] below Words
      def initialize(path, vocabulary: Words)
        @path = path
        @vocabulary = vocabulary
        @layer = Layer.new
      end

      def load
        run(@vocabulary.new(self))
        @layer
      rescue ConfigError, SystemExit, SignalException
        raise
      rescue Exception => error # rubocop:disable Lint/RescueException -- whatever it is, the file's line is what helps
        raise ConfigError, describe(error)
      end

      # @!group What words say

      # An option's word, or a former one.
      def say(word, values, code = nil)
        option = Options.for_word(word) || Options::MOVED.fetch(word).first
        @layer.say(word, value_of(word, option, values, code), origin(word))
      end

      # An option, by a word that the table does not have.
      def set(word, option, values, code = nil)
        @layer.set(option, value_of(word, option, values, code), origin(word))
      end

      # Code to be run later.
      def hook(word, event, _values, code)
        raise ConfigError, "#{origin(word)}: a block is missing: #{word} { ... }" unless code

        @layer.hooks.add(event, code, origin(word))
      end

      # Words inside a block.
      # @param inside [Class] their Vocabulary
      def block(word, inside, values, code)
        unless code && values.empty?
          raise ConfigError, "#{origin(word)}: expected a block with #{inside.words.join(", ")} in it: " \
                             "#{word} { #{inside.words.first} ... }"
        end

        words = inside.new(self, word)
        words.instance_exec(words, &code)
      end

      # A plugin of Puma.
      def plugin(name)
        puma.plugin(name)
      rescue LoadError, RuntimeError => error
        raise ConfigError, "#{origin(:plugin)}: #{error.message.lines.first.to_s.strip}"
      end

      # @return [PumaPart] what is said in words of Puma alone
      def puma
        @layer.puma ||= PumaPart.new
      end

      # A word without meaning here.
      # @param why [String, nil] nil: nobody needs to know
      def absent(word, why)
        warn(word, "without effect: #{why}") if why
      end

      # A word that does not exist.
      # @param words [Array<Symbol>] those that do
      # @param block [Symbol, nil] that it stands in
      def unknown(word, _values, _code, words:, block: nil)
        hint = Nearest.hint(word, words)
        hint = "; it has #{words.join(", ")}" if hint.empty? && block
        raise ConfigError, "#{place}: #{word} is no word of #{block || "the configuration"}#{hint}"
      end

      # Notes a warning about a word, with its place.
      def warn(word, text)
        @layer.warn(origin(word), text)
      end

      # @!endgroup

      # @return [String] the line of the file that Ruby is in, and the word, as it reads best before a colon
      def origin(word)
        "#{place}: #{word}"
      end

      private

      def run(words)
        read(words)
        @layer.puma&.offer(words)
      end

      def read(words)
        words.instance_eval(source, @path, 1)
      end

      def value_of(word, option, values, code)
        return code if code && option.type.callable? && values.empty?
        raise ConfigError, "#{origin(word)}: takes no block" if code

        values = [true] if values.empty? && option.switch?
        raise ConfigError, "#{origin(word)}: a value is missing, expected #{option.type.expected}" if values.empty?

        values.size == 1 ? values.first : values
      end

      def source
        text = File.read(@path, encoding: Encoding::UTF_8)
        # Ruby would take it for the end.
        raise ConfigError, "#{@path}: a NUL byte is in it; this is no text" if text.b.include?("\0")

        text
      rescue SystemCallError => error
        raise ConfigError, "cannot read the configuration file #{@path}: #{error.message[/\A[^@-]+/].strip.downcase}"
      end

      def describe(error)
        message = error.message.lines.first.to_s.strip
        # A syntax error begins with the place; others have it in the backtrace.
        return [message, complaint(error)].compact.join(": ") if message.start_with?("#{@path}:")

        [place(error.backtrace_locations), error.class, message].map(&:to_s).reject(&:empty?).uniq.join(": ")
      end

      # Since Ruby 3.4 what is wrong stands below the line of code.
      def complaint(error)
        error.message[/\^~* (\S.*)$/, 1]
      end

      def place(locations = caller_locations)
        line = locations&.find { |location| location.path == @path }&.lineno
        line ? "#{@path}:#{line}" : @path
      end
    end
  end
end
