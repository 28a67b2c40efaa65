# frozen_string_literal: true

require "hyperion/cli/arguments"
require_relative "../rakelib/configuration_guide"

RSpec.describe "docs/configuration.md" do
  guide = File.read(ConfigurationGuide::FILE)

  it "is what the option table and its template make: rake docs:configuration writes it anew" do
    expect(guide).to eq(ConfigurationGuide.text)
  end

  it "names every option, flag, variable and word" do
    Hyperion::Config::Options::TABLE.each do |option|
      expect(guide).to include("**#{option.name}**", *option.short, *option.flag&.delete_prefix("--"),
                               *option.further_variables,
                               *option.words.map(&:to_s), *option.moved.keys.map(&:to_s))
    end
  end

  describe "its examples" do
    around { |example| Dir.mktmpdir { |folder| Dir.chdir(folder) { example.run } } }

    # What a command line says: its error.
    def complaint(command)
      *variables, _, arguments = command.partition("hyperion")
      env = variables.first.split.to_h { |pair| pair.split("=", 2) }
      Hyperion::Config::Configuration.load(Hyperion::CLI::Arguments.parse(arguments.split).flags, env: env)
      "nothing"
    rescue Hyperion::ConfigError => error
      "hyperion: #{error.message}"
    end

    guide.scan(/^```ruby\n# config\/hyperion.rb\n(.*?)^```/m).flatten.each do |text|
      it "load: #{text.lines.first.chomp}" do
        File.write("file.rb", text)
        layer = Hyperion::Config::Script.load("file.rb")

        expect(layer.warnings).to eq([])
      end
    end

    it "that fail say what they say here" do
      FileUtils.mkdir_p("config")
      File.write("config/hyperion.rb", "\nmax_body_bytes '16x'")
      examples = guide.scan(/^\$ (.*)\n(hyperion: .*)$/)

      expect(examples.size).to eq(3)
      examples.each { |command, message| expect(complaint(command)).to eq(message) }
    end
  end
end
