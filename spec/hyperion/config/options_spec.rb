# frozen_string_literal: true

require "hyperion/config/options"

RSpec.describe Hyperion::Config::Options do
  table = described_class::TABLE

  it "has each name, flag, variable and word once" do
    [table.map(&:name), table.filter_map(&:flag), table.filter_map(&:short), table.flat_map(&:words),
     table.flat_map { |option| [option.variable, *option.aliases] }].each do |names|
      expect(names).to eq(names.uniq)
    end
  end

  table.each do |option|
    it "#{option.name} has a default that its type allows, and a help text" do
      has_default = !option.default.nil? && option.default != []
      expect(option.type.cast(option.default)).to eql(option.default) if has_default
      expect(option.help).to match(/\A\S.+[^.]\z/)
    end
  end

  it "finds the nearest word" do
    words = described_class::BY_WORD.keys
    {max_body_size: "max_body_bytes", "max-body-byte" => "max_body_bytes", treads: "threads", PORT: "port"}
      .each { |wrong, right| expect(Hyperion::Config::Nearest.to(wrong, words)).to eq(right) }
  end
end
