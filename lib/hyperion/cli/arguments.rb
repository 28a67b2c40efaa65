# frozen_string_literal: true

require "optparse"
require_relative "../config/layer"

module Hyperion
  class CLI
    # The command line, read with the option table.
    class Arguments
      # Flags that do something else than serve.
      ACTIONS = {
        check_config: ["--check-config", "Load everything, print every option's value and where it comes from, exit"],
        version: ["-V", "--version", "Print the versions and what this build has, exit"],
        help: ["-h", "--help", "Print this text, exit"]
      }.freeze

      # @return [Config::Layer] what the flags say
      attr_reader :flags
      # @return [Symbol, nil] of ACTIONS
      attr_reader :action

      # @param arguments [Array<String>]
      # @return [Arguments]
      # @raise [ConfigError]
      def self.parse(arguments)
        new.tap { |parsed| parsed.read(arguments) }
      end

      def initialize
        @flags = Config::Layer.new
        @parser = OptionParser.new
        # A flag that is nearly right is an error that names the right one, not a guess.
        @parser.require_exact = true
        Config::Options::TABLE.each { |option| accept(option) if option.flag }
        ACTIONS.each { |action, flags| @parser.on(*flags) { @action ||= action } }
      end

      def read(arguments)
        rackup, surplus = @parser.parse(arguments)
        raise ConfigError, "one rackup file is enough: #{surplus} is too much" if surplus

        @flags.set(Config::Options[:rackup], rackup, "the rackup file") if rackup
      rescue OptionParser::MissingArgument => e
        raise ConfigError, missing(e.args.first)
      rescue OptionParser::ParseError => e
        raise ConfigError, wrong(e.args.first)
      end

      private

      def accept(option)
        long = option.switch? ? option.flag.sub("--", "--[no-]") : "#{option.flag} #{option.type.metavar}"
        @parser.on(*option.short, long) { |value| @flags.set(option, value, option.flag) }
      end

      def missing(flag)
        option = Config::Options::TABLE.find { |row| [row.flag, row.short].include?(flag) }
        "#{flag} needs a value, expected #{option.type.expected}"
      end

      def wrong(flag)
        return "#{flag} takes no value" if flag.include?("=") && known.include?(flag[/\A[^=]+/])

        nearest = Config::Nearest.to(flag[/\A[^=]+/], known)
        "unknown option #{flag}; the nearest is #{nearest} (hyperion --help lists all)"
      end

      def known
        rows = Config::Options::TABLE.select(&:flag)
        switches = rows.select(&:switch?).map { |option| option.flag.sub("--", "--no-") }
        actions = ACTIONS.values.flat_map { |flags| flags.select { |flag| flag.start_with?("--") } }
        rows.map(&:flag) + switches + actions
      end
    end
  end
end
