# frozen_string_literal: true

require "open3"
require "tmpdir"

# .ci/sections.sh: a log that has lost all but its end must still say what failed.
RSpec.describe ".ci/sections.sh" do
  # @return [Array(String, Process::Status)] what a script of sections wrote
  def run_sections(script)
    sections = File.expand_path("../.ci/sections.sh", __dir__)
    Dir.mktmpdir do |folder|
      return Open3.capture2e("bash", "-c", "set -euo pipefail; . #{sections}; #{script}", chdir: folder)
    end
  end

  it "passes on what the commands write and says how long they took" do
    output, status = run_sections('section "first, one" echo 1; section two sh -c "echo 2 >&2"; summary all')

    expect(status).to be_success
    expect(output).to match(/\A\n==== first, one\n1\n\n==== two\n2\n\n==== all: all passed in \d s\n.* one\n.*two\n\z/)
  end

  it "ends with the reasons of a failure: the short parts of a crash report, and the examples", :aggregate_failures do
    output, status = run_sections(<<~'SH')
      section one bash -c 'echo; echo "rspec ./spec/a_spec.rb:3 # fails"; ruby -e "def die = Process.kill(:SEGV, \$\$)
      die; sleep"'
    SH
    report, reasons = output.split("---- from tmp/ci/one.log\n")

    expect(status.exitstatus).to eq(1)
    expect(report).to include("[BUG] Segmentation fault", "* Process memory map:")
    expect(reasons).to include("[BUG] Segmentation fault", "-e:1:in", "-- C level backtrace information --",
                               "rspec ./spec/a_spec.rb:3 # fails")
    expect(reasons).not_to include("* Process memory map:")
    expect(reasons).to match(/\n==== FAILED: one \(after \d s, status 134\): bash -c .*\n.*\n\z/)
  end

  it "says them once when sections are inside a section, and does not wait for what was left behind" do
    output, status = run_sections(<<~SH)
      inner() { section inner sh -c 'sleep 60 & echo "rspec ./spec/a_spec.rb:3"; exit 3'; }
      section outer inner
    SH

    expect(status.exitstatus).to eq(1)
    expect(output.scan("rspec ./spec/a_spec.rb:3\n").size).to eq(2)
    expect(output.scan(/FAILED: \w+ \(after \d s, status \d/).join("\n"))
      .to match(/\AFAILED: inner \(after \d s, status 3\nFAILED: outer \(after \d+ s, status 1\z/)
  end
end
