# frozen_string_literal: true

require "hyperion/config/configuration"
require "hyperion/config/script"

RSpec.describe "docs/limits.md" do
  text = File.read(File.join(__dir__, "../docs/limits.md"))
  options = Hyperion::Config::Options
  rows = text.scan(/^\| `([a-z-]+)` \| ([^|]+) \|/).to_h

  it "has every count, size and time of the option table, with its default" do
    measures = [Hyperion::Config::Count, Hyperion::Config::Measure]
    limits = options::TABLE.select { |option| measures.any? { |type| option.type.is_a?(type) } }
    expect(rows.keys).to include(*limits.map { |option| option.name.to_s.tr("_", "-") })
    rows.each do |name, default|
      expect(default.strip).to eq(options[name.tr("-", "_").to_sym].default_text), name
    end
  end

  it "names counters that there are" do
    counters = text.lines.grep(/^\|/).flat_map { |line| line.split("|").last(2).first.scan(/`(\w+)`/) }.flatten
    counters << text[/counts as `(threads_\w+)`/, 1]
    expect(start_server { [200, {}, []] }.stats.keys).to include(*counters.map(&:to_sym))
  end

  it "has an example that sets what it says" do
    Dir.mktmpdir do |folder|
      path = File.join(folder, "hyperion.rb")
      File.write(path, text[/^```ruby\n(.*?)^```/m, 1])
      configuration = Hyperion::Config::Configuration.new([Hyperion::Config::Script.load(path)])
      expect(%i[max_pending max_connections_per_address soft_request_timeout request_timeout min_write_rate]
        .to_h { |name| [name, configuration[name]] })
        .to eq(max_pending: 200, max_connections_per_address: 100, soft_request_timeout: 5, request_timeout: 30,
               min_write_rate: 1024)
    end
  end
end
