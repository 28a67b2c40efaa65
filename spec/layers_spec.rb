# frozen_string_literal: true

# The table of layers in docs/architecture.md, checked against the includes of ext/hyperion_http.
RSpec.describe "every layer" do
  root = File.expand_path("..", __dir__)
  core = File.join(root, "ext/hyperion_http")
  table = File.read(File.join(root, "docs/architecture.md"))[/^\| folder \|.*?\n\n/m]
  rows = table.strip.lines.drop(2).to_h do |line|
    name, may, outside = line.strip.split("|", -1).map(&:strip)[1..3]
    [name, {may: may, outside: outside.scan(/<([^>]+)>/).flatten}]
  end
  allowed = lambda do |name|
    rows.fetch(name)[:may] == "all above" ? rows.keys.take(rows.keys.index(name)) : rows.fetch(name)[:may].split
  end
  sources = lambda do |name|
    Dir[File.join(core, name, "**/*.{cpp,hpp}")].to_h { |path| [path.delete_prefix("#{core}/"), File.read(path)] }
  end

  it "stands in the table" do
    folders = Dir[File.join(core, "*/")].map { |path| File.basename(path) }
    expect(folders - rows.keys).to eq([])
  end

  rows.each_key do |name|
    it "#{name} includes itself and what the table lists" do
      foreign = sources.call(name).flat_map do |path, text|
        text.scan(/^#include "([^"]+)"/).flatten.map { |header| [path, header] }
      end
      foreign.reject! { |_, header| [name, *allowed.call(name)].include?(header[%r{\A[^/]+(?=/)}]) }
      expect(foreign).to eq([])
    end
  end

  rows.select { |_, row| row[:outside].any? }.each do |owner, row|
    row[:outside].each do |header|
      it "<#{header}> is included in #{owner} only" do
        pattern = /^#include [<"]#{Regexp.escape(header).gsub("\\*", ".*")}[>"]/
        found = (rows.keys - [owner]).flat_map { |name| sources.call(name).select { |_, text| text =~ pattern }.keys }
        expect(found).to eq([])
      end
    end
  end
end
