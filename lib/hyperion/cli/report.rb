# frozen_string_literal: true

require "etc"
require_relative "../config/options"
require_relative "../native"
require_relative "../version"
require_relative "arguments"

module Hyperion
  class CLI
    # Texts for --help, --version and --check-config.
    module Report
      FEATURES = {"epoll" => "epoll", "io_uring" => "io_uring", "tls" => "TLS", "h2" => "HTTP/2"}.freeze

      # Where explanations begin in --help, and where lines end.
      COLUMN = 36
      WIDTH = 115

      module_function

      # @return [String]
      def help
        <<~TEXT
          Usage: hyperion [options] [rackup file]

          Serves the application that the rackup file makes (default: config.ru).

          #{groups.map { |title, rows| "#{title}:\n#{rows.map { |flags, lines| layout(flags, lines) }.join}" }.join("\n")}
          Times may be written as 30, 30s, 500ms, 2m or 1h, sizes as 65536, 64k or 16m; 0 or off switches a limit off.
          Each option has an environment variable, HYPERION_ and its name (HYPERION_MAX_BODY_BYTES), and a word in the
          configuration file (max_body_bytes). A flag beats the variable, which beats the file, which beats common
          variables such as PORT, which beat the default.
        TEXT
      end

      # {title => [[flags, lines], ...]}
      def groups
        rows = Config::Options::GROUPS.transform_values do |options|
          options.select(&:flag).map { |option| help_row(option) }
        end
        actions = Arguments::ACTIONS.values.map { |*flags, text| [flags_column(flags), wrap(text)] }
        {**rows, "Instead of serving" => actions}.reject { |_, lines| lines.empty? }
      end

      # @return [String]
      def version
        <<~TEXT
          hyperion #{VERSION}
          #{RUBY_DESCRIPTION}
          rack #{Rack.release}
          #{Etc.uname.values_at(:sysname, :release, :machine).join(" ")}
          #{FEATURES.map { |key, name| "#{name}: #{feature(key.to_sym)}" }.join(", ")}
        TEXT
      end

      # What this build has, and for io_uring what this kernel says.
      def feature(name)
        return "not built" unless Engine::FEATURES.fetch(name)

        reason = Engine.io_uring if name == :io_uring
        reason ? "no (#{reason})" : "yes"
      end

      # @param configuration [Config::Configuration]
      # @return [String]
      def configuration(configuration)
        rows = Config::Options::TABLE.map do |option|
          value = option.name == :bind ? configuration.addresses : configuration[option.name]
          [option.name, option.type.show(value), configuration.origin(option.name)]
        end
        configuration.hooks.each { |event, hook| rows << [event, "a hook", hook.origin] }
        width = rows.map { |name,| name.size }.max
        lines = rows.map { |name, value, origin| "#{name.to_s.ljust(width)} #{value.ljust(40)} #{origin}" }
        warnings = configuration.warnings.map { |line| "Warning: #{line}" }
        [*lines, *warnings, "The configuration is fine.", nil].join("\n")
      end

      def help_row(option)
        long = option.switch? ? option.flag.sub("--", "--[no-]") : "#{option.flag} #{option.type.metavar}"
        further = option.further_variables.join(", ")
        notes = ["default: #{option.default_text}", *(further unless further.empty?)]
        [flags_column([*option.short, long]), with_note(wrap(option.help), "(#{notes.join("; or ")})")]
      end

      # On the last line when it has room.
      def with_note(lines, note)
        together = "#{lines.last} #{note}"
        together.size > WIDTH - COLUMN ? [*lines, *wrap(note)] : [*lines[..-2], together]
      end

      def wrap(text)
        text.scan(/\S.{0,#{WIDTH - COLUMN}}(?=\s|\z)/)
      end

      def flags_column(flags)
        flags.first.start_with?("--") ? "    #{flags.first}" : flags.join(", ")
      end

      def layout(flags, lines)
        lines = ["", *lines] unless flags.size < COLUMN - 3
        first, *rest = lines
        ["  #{flags.ljust(COLUMN - 2)}#{first}".rstrip, *rest.map { |line| "#{" " * COLUMN}#{line}" }, nil].join("\n")
      end
    end
  end
end
