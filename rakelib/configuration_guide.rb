# frozen_string_literal: true

require "erb"
require_relative "../lib/hyperion/config/configuration"

# docs/configuration.md, of a template with the hand-written parts and of the option table. `rake docs:configuration`
# writes it; a spec compares what is committed.
module ConfigurationGuide
  ROOT = File.expand_path("..", __dir__)
  FILE = File.join(ROOT, "docs/configuration.md")
  TEMPLATE = File.join(ROOT, "docs/templates/configuration.md.erb")

  module_function

  # @return [String]
  def text
    ERB.new(File.read(TEMPLATE), trim_mode: "-").result(binding)
  end

  # The table of one group.
  # @param options [Array<Option>]
  # @return [String]
  def table(options)
    rows = options.map { |option| "| #{names(option)} | #{option.default_text} | #{explanation(option)} |" }
    ["| option | default | |", "|---|---|---|", *rows].join("\n")
  end

  # Its name, its flags, and what else stands for it.
  def names(option)
    flags = [*option.short, *long_flag(option)].map { |flag| "`#{cell(flag)}`" }
    ["**#{option.name}**", flags.join(" ")].reject(&:empty?).join("<br>")
  end

  def long_flag(option)
    return unless option.flag

    option.switch? ? option.flag.sub("--", "--[no-]") : "#{option.flag} #{option.type.metavar}"
  end

  # What the flag's placeholder says by itself is not said again.
  PLAIN = %w[Choice Duration List Size Switch Text].map { |name| Hyperion::Config.const_get(name) }.freeze

  def explanation(option)
    text = "#{option.help}."
    text << " Allowed: #{option.type.expected}." unless PLAIN.any? { |type| option.type.is_a?(type) }
    notes = also(option)
    text << " Also #{notes.join("; ")}." unless notes.empty?
    cell(text)
  end

  def also(option)
    words = option.words - [option.name]
    words.unshift("#{option.block} { #{option.word} }") if option.block
    [list("variable", option.further_variables), list("word", words)].compact
  end

  def list(kind, names)
    "#{kind}#{"s" if names.size > 1} #{names.map { |name| "`#{name}`" }.join(", ")}" unless names.empty?
  end

  # Former words with what replaced them.
  def moved
    rows = Hyperion::Config::Options::MOVED.map do |word, options|
      "| `#{word}` | #{options.map { |option| "`#{option.name}`" }.join(", ")} | #{cell(options.first.moved[word])} |"
    end
    ["| word | sets | because |", "|---|---|---|", *rows].join("\n")
  end

  # Words without effect, those with the same reason together.
  def absent
    reasons = Hyperion::Config::Absent::WORDS.compact.group_by(&:last)
    rows = reasons.map { |why, pairs| "| #{pairs.map { |word, _| "`#{word}`" }.join(", ")} | #{cell(why)} |" }
    ["| words | because |", "|---|---|", *rows].join("\n")
  end

  def cell(text)
    text.gsub("|", "\\|")
  end
end
