# frozen_string_literal: true

require "open3"

# docs/observability.md, taken at its word: the files of each section are put into a folder, a server runs there, and
# its commands print what the guide says.
RSpec.describe "docs/observability.md" do
  guide = File.read(File.expand_path("../../docs/observability.md", __dir__))
  # The guide's ports; the kernel picks others.
  app_port = "9292"
  admin_port = "9394"

  # A file that others may not read is made so, and not changed afterwards.
  def start_privately(...)
    before = File.umask(0o077)
    start_hyperion(...)
  ensure
    File.umask(before)
  end

  sections = guide.split(/^(?=\#{2,3} )/).to_h do |section|
    [section[/\A#+ (.*)/, 1], {files: section.scan(/^```ruby\n# (\S+)\n(.*?)^```/m).to_h,
                               commands: section.scan(/^```console\n(.*?)^```/m).join.split(/^\$ /).drop(1)}]
  end

  it "has files and commands to try" do
    expect(sections.values.sum { |section| section[:files].size }).to be >= 5
    expect(sections.values.sum { |section| section[:commands].size }).to be >= 5
  end

  sections.reject { |_, section| section[:files].empty? }.each do |title, section|
    it "is right about: #{title.downcase}", no_lint: "the rackup files are the guide's" do
      files = {"config/hyperion.rb" => "admin_listener_port #{admin_port}\n"}.merge(section[:files])
      files["config/hyperion.rb"] = files["config/hyperion.rb"].sub(admin_port, "0")
      rackup = files.delete("config.ru") || Support::HyperionProcess::HELLO
      process = start_privately("-p", "0", app: rackup, files: {"admin.token" => "a-token\n", **files})
      ports = {app_port => process.port.to_s, admin_port => process.stdout[%r{Admin paths at http://[^:]+:(\d+)}, 1]}
      section[:commands].each do |text|
        command, printed = text.split("\n", 2)
        command = command.gsub(/#{app_port}|#{admin_port}/, ports)
        output, = Open3.capture2e({"LD_PRELOAD" => nil}, command, chdir: process.folder)
        expect("#{command}\n#{output.chomp}").to eq("#{command}\n#{printed.chomp}")
      end
      expect(process.status).to be_nil
    end
  end
end
