# frozen_string_literal: true

# Every option has an example that shows its effect on a running server. It says so in its metadata: `option: :port`, or
# `option: %i[bind port]`.
RSpec.describe "the effect of" do
  files = Dir[File.join(__dir__, "integration/**/*_spec.rb")]
  shown = files.flat_map do |file|
    File.read(file).scan(/\boption: (?::(\w+)|%i\[([\w\s]+)\])/).flatten.compact.flat_map(&:split)
  end
  names = Hyperion::Config::Options::TABLE.map { |option| option.name.to_s }

  names.each do |name|
    it("#{name} is shown by an example in spec/integration") { expect(shown).to include(name) }
  end

  it "nothing else is shown" do
    expect(shown - names).to eq([])
  end
end
