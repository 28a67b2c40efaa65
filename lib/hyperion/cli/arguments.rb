# frozen_string_literal: true

require_relative "../config/layer"

module Hyperion
  class CLI
    # The command line, read with the option table. Flags are exact: one that is nearly right is an error that names the
    # right one, not a guess.
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
        new(arguments).tap(&:parse)
      end

      def initialize(arguments)
        @rest = arguments.dup
        @files = []
        @flags = Config::Layer.new
        @readers = readers
      end

      def parse
        read(@rest.shift) until @rest.empty?
        rackup, surplus = @files
        raise ConfigError, "one rackup file is enough: #{surplus} is too much" if surplus

        @flags.set(Config::Options[:rackup], rackup, "the rackup file") if rackup
      end

      private

      # {flag => what it does with (the flag, its value or nil)}
      def readers
        table = Config::Options::TABLE.select(&:flag).each_with_object({}) do |option, all|
          all.store(option.flag, option.switch? ? switch(option, true) : valued(option))
          all.store("--no-#{option.flag.delete_prefix("--")}", switch(option, false)) if option.switch?
          all.store(option.short, all[option.flag]) if option.short
        end
        Config::Options::MOVED.each_key { |word| table[Config::Option.flag(word)] = moved(word) }
        ACTIONS.each { |action, flags| flags[..-2].each { |flag| table[flag] = turn_to(action) } }
        table
      end

      def valued(option)
        lambda do |flag, value|
          value = @rest.shift if value.nil?
          raise ConfigError, "#{flag} needs a value, expected #{option.type.expected}" if value.nil?

          @flags.set(option, value, flag)
        end
      end

      def moved(word)
        lambda do |flag, value|
          value = @rest.shift if value.nil?
          raise ConfigError, "#{flag} needs a value" if value.nil?

          @flags.say(word, value, flag)
        end
      end

      def switch(option, state)
        lambda do |flag, value|
          refuse_value(flag, value)
          @flags.set(option, state, flag)
        end
      end

      def turn_to(name)
        lambda do |flag, value|
          refuse_value(flag, value)
          @action ||= name
        end
      end

      # A letter that takes no value may have others behind it.
      def refuse_value(flag, value)
        return if value.nil?
        raise ConfigError, "#{flag} takes no value" if flag.start_with?("--")

        @rest.unshift("-#{value}")
      end

      def read(argument)
        case argument
        when "--" then @files.concat(@rest.slice!(0..))
        when /\A(--[^=]+)(?:=(.*))?\z/m, /\A(-[^-])(.+)?\z/m
          flag, value = Regexp.last_match.captures
          reader = @readers[flag] || raise(ConfigError, unknown(flag))
          reader.call(flag, value)
        else @files << argument
        end
      end

      def unknown(flag)
        absent = Config::Absent::WORDS[flag.delete_prefix("--").delete_prefix("no-").tr("-", "_").to_sym]
        return "#{flag}: #{absent}" if absent

        nearest = Config::Nearest.to(flag, @readers.keys.select { |known| known.start_with?("--") })
        "unknown option #{flag}; the nearest is #{nearest} (hyperion --help lists all)"
      end
    end
  end
end
