# frozen_string_literal: true

require "hyperion/config/configuration"

RSpec.describe Hyperion::Config::Options do
  table = described_class::TABLE

  it "has each name, flag, variable and word once" do
    [table.map(&:name), table.filter_map(&:flag), table.filter_map(&:short), table.flat_map(&:words),
     table.flat_map { |option| [*option.variable, *option.further_variables] }].each do |names|
      expect(names).to eq(names.uniq)
    end
  end

  it "has no word that means something else, too" do
    words = [described_class::BY_WORD, described_class::MOVED, Hyperion::Config::Absent::WORDS,
             Hyperion::Config::Hooks::WORDS].flat_map(&:keys)
    words += described_class::BLOCKS.keys - described_class::BY_WORD.keys # a block and its main option may share a name

    expect(words.tally.select { |_, count| count > 1 }).to eq({})
  end

  table.each do |option|
    it "#{option.name} has a default that its type allows, and a help text" do
      default = option.default(Hyperion::Config::Configuration.new([]))
      expect(option.type.cast(default)).to eql(default) unless default.nil? || default == []
      expect(option.default_text).to match(/\A\S.*[^.]\z|\A\S\z/)
      expect(option.help).to match(/\A\S.+[^.]\z/)
    end
  end

  it "finds the nearest word" do
    words = described_class::BY_WORD.keys
    {max_body_size: "max_body_bytes", "max-body-byte" => "max_body_bytes", treads: "threads", PORT: "port"}
      .each { |wrong, right| expect(Hyperion::Config::Nearest.to(wrong, words)).to eq(right) }
    %i[control_url workers_of_mine x].each { |far| expect(Hyperion::Config::Nearest.to(far, words)).to be_nil }
  end
end
