# frozen_string_literal: true

require_relative "../config/layer"
require_relative "puma_flags"

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
      # @return [Array<String>] folders for $LOAD_PATH, the first first
      attr_reader :load_path

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
        @load_path = []
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
        table = Config::Options::TABLE.select(&:flag).map { |option| flags_of(option) }.reduce({}, :merge)
        Config::Options::MOVED.each_key { |word| table[Config::Option.flag(word)] = moved(word) }
        table.merge!(granted("--preload"), pumas)
        ACTIONS.each { |action, flags| flags[..-2].each { |flag| table[flag] = turn_to(action) } }
        table
      end

      def flags_of(option)
        read = option.switch? ? switch(option, true) : valued(option)
        flags = {option.flag => read}
        flags[negated(option.flag)] = switch(option, false) if option.switch?
        flags[option.short] = read if option.short
        flags
      end

      def negated(flag)
        flag.sub("--", "--no-")
      end

      def valued(option)
        taking_value(option) { |flag, value| @flags.set(option, value, flag) }
      end

      def moved(word)
        taking_value(Config::Options::MOVED.fetch(word).first) { |flag, value| @flags.say(word, value, flag) }
      end

      def taking_value(option)
        lambda do |flag, value|
          value = @rest.shift if value.nil?
          raise ConfigError, "#{flag} needs a value, expected #{option.type.expected}" if value.nil?

          yield flag, value
        end
      end

      def pumas
        table = PumaFlags::SWITCHES.transform_values { |name, value| switch(Config::Options[name], value) }
        PumaFlags::RENAMED.each { |flag, name| table[flag] = valued(Config::Options[name]) }
        folders = lambda do |flag, value|
          value ||= @rest.shift or raise ConfigError, "#{flag} needs a value, expected folders, with : between them"
          @load_path = value.split(":") + @load_path
        end
        table.merge!(PumaFlags::INCLUDE.to_h { |flag| [flag, folders] })
      end

      # A flag for what is the case anyway.
      def granted(flag)
        [flag, negated(flag)].to_h { |one| [one, ->(name, value) { refuse_value(name, value) }] }
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
        instead = PumaFlags.instead(flag)
        return "#{flag}: #{instead}" if instead

        "unknown option #{flag}#{Config::Nearest.hint(flag, @readers.keys.grep(/\A--/))} (hyperion --help lists all)"
      end
    end
  end
end
