# frozen_string_literal: true

require "hyperion/cli/arguments"
require "hyperion/config/configuration"

# docs/migrating_from_puma.md: what it says about words is what the words do.
RSpec.describe "docs/migrating_from_puma.md" do
  root = File.expand_path("..", __dir__)
  let(:text) { File.read(File.join(root, "docs/migrating_from_puma.md")) }
  let(:puma) { File.readlines(File.join(root, "spec/fixtures/puma/words.txt"), chomp: true).map(&:to_sym) }
  let(:absent) { {**Hyperion::Config::PumaAbsent::WORDS, **Hyperion::Config::PumaAbsent::HOOKS} }

  # The words in the first column of the tables and in the sentence about those that need no warning, by what is said.
  def words_between(beginning, finish)
    part = text[/#{Regexp.escape(beginning)}.*?#{Regexp.escape(finish)}/m]
    cells = part.lines.filter_map { |line| line[/\A\| (.*?) \|/, 1] }
    cells.flat_map { |cell| cell.scan(/`([a-z_!]+)[^`]*`/).flatten }.map(&:to_sym)
  end

  it "has examples that load without a warning" do
    examples = text.scan(/^```ruby\n(# config.*?)^```/m).flatten
    expect(examples).not_to be_empty
    examples.each do |example|
      Dir.mktmpdir do |folder|
        path = File.join(folder, "puma.rb")
        File.write(path, example)
        expect(Hyperion::Config::PumaScript.load(path).warnings).to be_empty
      end
    end
  end

  it "names every flag of Puma, with its effect or as an error" do
    part = text[/^## Flag by flag.*?^## /m]
    errors = part[/All others.*/m].scan(/^\|(.*?)\|/).join
    lines = File.readlines(File.join(root, "spec/fixtures/puma/flags.txt"), chomp: true)

    lines.each do |line|
      flag = line[/[^\s=]+/]
      fails = begin
        Hyperion::CLI::Arguments.parse(line.split)
        false
      rescue Hyperion::ConfigError
        true
      end
      expect(errors.match?(/`#{flag}[` ]/)).to be(fails), flag
      long = Hyperion::Config::Options::TABLE.find { |option| option.short && option.flag == flag }
      expect(part).to match(/`#{flag}[` ]/), flag unless long || %w[--version --help --redirect-append].include?(flag)
    end
  end

  it "names every word of Puma, each where it belongs" do
    effective = words_between("Words that mean the same", "Words without effect")
    idle = words_between("Words without effect", "Without effect and without")
    silent = text[/Without effect and without a warning.*?\n\n/m].scan(/`([a-z_!]+)`/).flatten.map(&:to_sym)

    expect(puma - effective - idle - silent - %i[ssl_bind]).to be_empty
    expect(silent).to match_array(absent.select { |_, why| why.nil? }.keys)
    expect(absent.compact.keys - %i[tcp_mode!]).to match_array(idle - %i[workers queue_requests])
    expect(effective & absent.keys).to be_empty
  end
end
