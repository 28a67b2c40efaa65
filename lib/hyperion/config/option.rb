# frozen_string_literal: true

module Hyperion
  module Config
    # One row of the option table. The command line, the environment, the configuration file, the keywords of
    # Hyperion::Server, --help and --check-config all read it from here.
    class Option
      # Variables that are about this server and no other.
      OWN = /\AHYPERION_/
      private_constant :OWN

      # @return [Symbol] the name; a keyword of Hyperion::Server, too, unless the row is for the command line only
      attr_reader :name
      # @return [Type]
      attr_reader :type
      # @return [Object, #call] the default, or what makes it of the Configuration
      attr_reader :default
      # @return [String] one sentence for --help
      attr_reader :help
      # @return [String, nil] the short flag, "-p"
      attr_reader :short
      # @return [Array<String>] further environment variables; the first one set counts
      attr_reader :aliases
      # @return [Array<Symbol>] words of the configuration file
      attr_reader :words

      # @param text [String, nil] what --help says of the default, where showing the value would not do
      def initialize(name, type, default, help, short: nil, flag: true, aliases: [], words: [name], text: nil)
        @name = name
        @type = type
        @default = default
        @help = help
        @short = short
        @flag = flag
        @aliases = aliases
        @words = words
        @text = text
        freeze
      end

      # @return [String, nil] the long flag, "--port"; nil for what is no flag
      def flag
        "--#{name.to_s.tr("_", "-")}" if @flag
      end

      # @return [String]
      def variable
        "HYPERION_#{name.upcase}"
      end

      # @return [Array<String>] the variables that beat the configuration file, the strongest first
      def own_variables
        [variable, *aliases.grep(OWN)]
      end

      # @return [Array<String>] the variables that it beats
      def common_variables
        aliases.grep_v(OWN)
      end

      # @return [Boolean] whether an embedded server has it
      def keyword?
        !words.empty?
      end

      # @return [Boolean]
      def switch?
        type.is_a?(Switch)
      end

      # @return [String] for --help
      def default_text
        @text || type.show(default)
      end
    end
  end
end
