# frozen_string_literal: true

require "hyperion/cli/arguments"
require "hyperion/cli/report"

# What holds for each row of the option table.
RSpec.describe Hyperion::Config::Options do
  around { |example| Dir.mktmpdir { |folder| Dir.chdir(folder) { example.run } } }

  # @return [Hyperion::Config::Configuration]
  def load_all(arguments: [], env: {}, file: "")
    File.write("file.rb", file)
    flags = Hyperion::CLI::Arguments.parse([*arguments, "-C", "file.rb"]).flags
    Hyperion::Config::Configuration.load(flags, env: env)
  end

  def refusal(**sources)
    load_all(**sources)
    "nothing"
  rescue Hyperion::ConfigError => error
    error.message
  end

  # The line of a configuration file that gives `value`, Ruby text, to a word: [:port] or [:logging, :level].
  def line(words, value)
    words.size == 1 ? "#{words[0]}(#{value})" : "#{words[0]} { #{words[1]}(#{value}) }"
  end

  # Each place that sets the option, the strongest first: [its origin, the value, what to load].
  def places(option)
    values = Support::OptionValues.of(option)
    places = [option.flag && flag_place(option, values.shift)].compact
    places.concat(option.own_variables.map { |name| variable_place(name, values.shift) })
    places << word_place(option.words.first, values.shift)
    places.concat(option.common_variables.map { |name| variable_place(name, values.shift) })
  end

  def flag_place(option, value)
    flag = option.switch? && value == "off" ? option.flag.sub("--", "--no-") : option.flag
    [flag, value, {arguments: [flag, *(value unless option.switch?)]}]
  end

  def variable_place(name, value)
    [name, value, {env: {name => value}}]
  end

  def word_place(word, value)
    ["file.rb:1: #{word}", value, {file: "#{word} #{value.inspect}"}]
  end

  def together(places)
    places.map(&:last).reduce({}) { |all, one| all.merge(one) { |_, before, more| before.merge(more) } }
  end

  words_of = lambda do |option|
    [*option.words.map { |word| [word] }, *([[option.block, option.word]] if option.block),
     *option.moved.keys.map { |word| [word] }]
  end
  table = described_class::TABLE
  written = table.select { |option| option.type.text? }
  in_files = table.select { |option| words_of.call(option).any? }

  written.reject { |option| option.words.empty? }.each do |option|
    it "#{option.name}: flag, variable, file, common variable, default" do
      places = places(option)
      (0..places.size).each do |first|
        found = load_all(**together(places.drop(first)))
        origin, value = places[first]
        wanted = origin ? option.type.cast(value) : option.default(found)

        expect(found.origin(option.name)).to eq(origin || "default")
        expect(option.type.show(found[option.name])).to eq(option.type.show(wanted)), origin
      end
    end
  end

  takes_block = ->(option, word) { option.type.callable? || described_class::BLOCKS.key?(word.to_sym) }

  in_files.each do |option|
    it "#{option.name}: every word sets it; a wrong type is refused with file and line" do
      words_of.call(option).each do |words|
        if option.type.text?
          value = Support::OptionValues.of(option).first
          found = load_all(file: "\n#{line(words, value.inspect)}")
          expect(option.type.show(found[option.name])).to eq(option.type.show(option.type.cast(value)))
          expect(found.origin(option.name)).to start_with("file.rb:2: ")
        end
        Support::OptionValues::WRONG.each do |wrong|
          message = refusal(file: "\n#{line(words, wrong)}")
          expect(message).to match(/\Afile.rb:2: [\w {}]+: .+ is not allowed, .+\z/), "#{words} #{wrong}: #{message}"
          expect(message.size).to be < 500
        end
        expect(refusal(file: "#{words[0]}(1) { }")).to match(/ takes no block/) if words.one? && !takes_block.call(
          option, words[0]
        )
      end
    end
  end

  table.select(&:flag).each do |option|
    it "#{option.name}: a wrong value of the flag is refused with its name, and a flag nearly right has it named" do
      expect(refusal(arguments: ["#{option.flag}="]))
        .to match(/\A#{option.flag}(: .+ is not allowed, expected \S.+| takes no value)\z/)
      expect(refusal(arguments: ["#{option.flag}x"]))
        .to include("unknown option #{option.flag}x; the nearest is #{option.flag} ")
    end

    it "#{option.name} is in --help, with its help and default" do
      help = Hyperion::CLI::Report.help.gsub(/\s+/, " ")
      flag = option.switch? ? option.flag.sub("--", "--[no-]") : "#{option.flag} #{option.type.metavar}"

      expect(help).to include("#{[*option.short, flag].join(", ")} #{option.help} (default: #{option.default_text}")
    end
  end

  # Every text is a word.
  free = ->(type) { type.is_a?(Hyperion::Config::Text) && !type.is_a?(Hyperion::Config::ReadableFile) }
  written.reject { |option| free.call(option.type) }.each do |option|
    it "#{option.name}: a wrong value of a variable is refused with its name" do
      [*option.own_variables, *option.common_variables].each do |name|
        expect(refusal(env: {name => "?!"})).to match(/\A#{name}: "\?!" is not allowed, \S.+\z/)
      end
    end
  end

  it "has the word named that is nearly right" do
    described_class::BY_WORD.each_key do |word|
      expect(refusal(file: "#{word}x 1"))
        .to eq("file.rb:1: #{word}x is no word of the configuration; the nearest is #{word}")
    end
  end

  it "is shown by --check-config; of secrets only that they are set" do
    lines = Hyperion::CLI::Report.configuration(load_all).lines

    expect(lines.map { |line| line[/\A\w+/] }).to include(*table.map { |option| option.name.to_s })
    table.select { |option| option.type.is_a?(Hyperion::Config::Secret) }.each do |option|
      loaded = load_all(file: "#{option.name} 'open sesame'\nbefore_fork { }")
      text = Hyperion::CLI::Report.configuration(loaded)

      expect(text).to match(/^#{option.name} +\(secret\) +file.rb:1: #{option.name}\n/)
      expect(text).to match(/^before_fork +a hook +file.rb:2: before_fork$/)
    end
  end
end
