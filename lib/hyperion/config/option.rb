# frozen_string_literal: true

require_relative "types"

module Hyperion
  module Config
    # One row of the option table. The command line, the environment, the configuration file, the keywords of
    # Hyperion::Server, --help, --check-config and docs/configuration.md all read it from here.
    class Option
      # Variables that are about this server and no other.
      OWN = /\AHYPERION_/
      private_constant :OWN

      # @return [Symbol] the name; a keyword of Hyperion::Server, too, unless the row is for the command line only
      attr_reader :name
      # @return [Type]
      attr_reader :type
      # @return [String] one sentence for --help
      attr_reader :help
      # @return [String, nil] the short flag, "-p"
      attr_reader :short
      # @return [Array<String>] further environment variables; the first one set counts
      attr_reader :aliases
      # @return [Hash{String => String}] of a range: {alias with its upper end => variable with its lower end}
      attr_reader :least
      # @return [Array<Symbol>] words of the configuration file
      attr_reader :words
      # @return [Symbol, nil] the block of the configuration file that has a word for it, too: logging { level "warn" }
      attr_reader :block
      # @return [Symbol, nil] its word in that block
      attr_reader :word
      # @return [Hash{Symbol => String}] former words, with what the warning says about them
      attr_reader :moved

      # @param default [Object, #call] the value, or what makes it of the Configuration
      # @param flag [Boolean] whether the command line has it
      # @param text [String, nil] what --help says of the default, where showing the value would not do
      # @param engine [Boolean] whether Hyperion::Engine takes it under this name
      # @param notice [#call, nil] of the value: a warning, or nil
      def initialize(name, type, default, help, short: nil, flag: true, aliases: [], least: {}, words: [name],
                     text: nil, block: nil, word: nil, moved: {}, engine: false, notice: nil)
        @name = name
        @type = type
        @default = default
        @help = help
        @short = short
        @flag = flag && type.text?
        @aliases = aliases
        @least = least
        @words = words
        @text = text
        @block = block
        @word = word
        @moved = moved
        @engine = engine
        @notice = notice
        freeze
      end

      # @param configuration [Configuration, nil] that asks
      # @return [Object] the default
      def default(configuration = nil)
        @default.respond_to?(:call) ? @default.call(configuration) : @default
      end

      # @return [String, nil] the long flag, "--port"; nil for what is no flag
      def flag
        Option.flag(name) if @flag
      end

      # @return [String] of the option or former word `name`
      def self.flag(name)
        "--#{name.to_s.tr("_", "-")}"
      end

      # @return [String, nil] nil for what has no text form
      def variable
        "HYPERION_#{name.upcase}" if type.text?
      end

      # @return [Array<String>] the variables that beat the configuration file, the strongest first
      def own_variables
        [*variable, *aliases.grep(OWN)]
      end

      # @return [Array<String>] the variables that it beats
      def common_variables
        aliases.grep_v(OWN)
      end

      # @return [Array<String>] all variables beside its own, for people
      def further_variables
        aliases.flat_map { |name| [*least[name], name] }
      end

      # @return [Boolean] whether an embedded server has it
      def keyword?
        !words.empty?
      end

      # @return [Boolean] whether Hyperion::Engine takes it
      def engine?
        @engine
      end

      # @return [Boolean]
      def switch?
        type.is_a?(Switch)
      end

      # @return [String] for --help
      def default_text
        @text || type.show(default)
      end

      # @return [String, nil] what somebody who chose this value should know
      def notice(value)
        @notice&.call(value)
      end
    end
  end
end
