# frozen_string_literal: true

require_relative "absent"
require_relative "files"
require_relative "nearest"
Dir[File.join(__dir__, "options", "*.rb")].sort.each { |file| require file }

module Hyperion
  module Config
    # The option table. Its rows stand in the files of options/, a constant for each group of --help.
    #
    # A new option is one row:
    #
    #   Option.new(:max_pending, Whole.new(0..1_000_000), 0, "One sentence for people, with what happens", engine: true)
    #
    # That is the flag --max-pending, the variable HYPERION_MAX_PENDING, the word and the keyword max_pending, its line
    # in --help, --check-config and docs/configuration.md. What else a row may say:
    #
    #   short: "-w"                      a short flag
    #   flag: false                      no flag (a type without text form has neither flag nor variable)
    #   aliases: %w[WEB_CONCURRENCY]     further variables; one that is not HYPERION_... is weaker than the file
    #   least: {"MAX" => "MIN"}          for the upper end of a range among them the variable of the lower end
    #   words: %i[bind host]             words of the file and keywords; [] for what is about the command line only
    #   block: :logging, word: :level    a word in a block of the file, beside `words`
    #   moved: {read_timeout: "why"}     a former word: sets this option, with one warning. Several rows may share it
    #   notice: ->(value) { "..." }      a warning about a value, or nil
    #   engine: true                     Hyperion::Engine gets it under this name
    #   text: "..."                      the default in words
    #
    # A default may be a lambda that takes the Configuration; give `text` then, too. Types are in types.rb (Whole,
    # Switch, Choice, Text, List, Callable), measures.rb (Size, Duration), files.rb (ReadableFile, Secret).
    #
    # A row needs an example that shows its effect on a server, in spec/integration, with `option: :max_pending` in its
    # metadata. `rake docs:configuration` writes the guide anew.
    module Options
      # {title in --help => rows}
      GROUPS = {
        "Process" => PROCESS,
        "Listening" => LISTENING,
        "Requests and connections" => REQUESTS,
        "Application" => APPLICATION,
        "Logging" => LOGGING,
        "Metrics and admin paths" => OBSERVING
      }.freeze

      TABLE = GROUPS.values.flatten.freeze

      BY_NAME = TABLE.to_h { |option| [option.name, option] }.freeze
      # {word => row}
      BY_WORD = TABLE.flat_map { |option| option.words.map { |word| [word, option] } }.to_h.freeze
      # {block => {word => row}}
      BLOCKS = TABLE.select(&:block).group_by(&:block)
                    .transform_values { |rows| rows.to_h { |option| [option.word, option] } }.freeze
      # {former word => rows}
      MOVED = TABLE.flat_map { |option| option.moved.keys.map { |word| [word, option] } }
                   .group_by(&:first).transform_values { |pairs| pairs.map(&:last) }.freeze

      module_function

      # @return [Option]
      def [](name)
        BY_NAME.fetch(name)
      end

      # @return [Option, nil] the one that `word` of a configuration file or keyword of a server sets
      def for_word(word)
        BY_WORD[word.to_sym]
      end
    end
  end
end
