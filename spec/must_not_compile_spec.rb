# frozen_string_literal: true

require "open3"
require "rbconfig"

# The rules of docs/native_boundary.md that a compiler can check: each file breaks one, and must not compile for the
# reason that it names.
RSpec.describe "must not compile" do
  sources = File.expand_path("../ext/hyperion_http", __dir__)
  config = RbConfig::CONFIG
  compiler = [*config["CXX"].split, "-std=c++20", "-fsyntax-only", "-Werror=unused-result", "-I#{sources}",
              "-I#{config["rubyhdrdir"]}", "-I#{config["rubyarchhdrdir"]}"]

  compile = ->(file) { Open3.capture2e(*compiler, file) }

  it "but the control does" do
    output, status = compile.call(File.join(__dir__, "must_not_compile/control.cpp"))
    expect(status).to be_success, output
  end

  control = File.join(__dir__, "must_not_compile/control.cpp")
  (Dir[File.join(__dir__, "must_not_compile/*.cpp")] - [control]).sort.each do |file|
    it File.basename(file, ".cpp").tr("_", " ") do
      reason = Regexp.new(File.read(file)[%r{^// expect: (.+)$}, 1])
      output, status = compile.call(file)
      expect(status).not_to be_success
      expect(output).to match(reason)
    end
  end
end
