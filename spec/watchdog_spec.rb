# frozen_string_literal: true

require "tempfile"

RSpec.describe Support::Watchdog do
  # A suite of these examples, in which each may take so many seconds.
  def run_suite(*examples, patience: 1, group: "'suite'")
    file = Tempfile.new(["hanging", "_spec.rb"])
    file.write("RSpec.describe(#{group}) { #{examples.map { |text| "it('hangs') { #{text} }" }.join("; ")} }")
    file.close
    output = Tempfile.new("output")
    pid = Process.spawn({"HYPERION_SPEC_PATIENCE" => patience.to_s}, RbConfig.ruby, "-S", "rspec", file.path,
                        chdir: Support::HyperionProcess::ROOT, %i[out err] => output.path)
    [Process.wait2(pid).last, File.read(output.path)]
  end

  it "ends a suite that hangs, with a failure, the example's name and what all threads do" do
    status, output = run_suite("Thread.new { Queue.new.pop }; start_hyperion('-p', '0'); Queue.new.pop", patience: 6)

    expect(status.exitstatus).to eq(described_class::STATUS)
    expect(output).to match(/no end of suite hangs \(.*hanging.*_spec.rb:1\)/)
    expect(output.scan(/hanging.*_spec.rb:1:in `pop'/).size).to eq(2)
    pid = Integer(output[/process (\d+) wrote:.*Listening on/m, 1])
    expect { Process.kill(0, pid) }.to raise_error(Errno::ESRCH)
  end

  it "ends a suite also while somebody keeps Ruby's lock", patience: 240 do
    status, output = run_suite(<<~RUBY)
      require "fiddle"
      Fiddle::Function.new(Fiddle::Handle::DEFAULT["sleep"], [Fiddle::TYPE_INT], Fiddle::TYPE_INT, need_gvl: true).call(60)
    RUBY

    expect(status).to be_signaled
    expect(output).to include("watchdog: the suite keeps Ruby's lock").and match(/hanging.*_spec.rb:2/)
  end

  it "does not touch a suite that goes on, nor what it forks" do
    examples = Array.new(3) { "sleep 2.5; Process.wait(fork { exit(0) })" }
    status, output = run_suite(*examples, patience: 6)

    expect(status).to be_success
    expect(output).to include("3 examples, 0 failures")
  end

  it "leaves a group the time that it asks for, for what comes before all of its examples, too" do
    slow = "sleep 3 }; before(:all) { sleep 3" # closes the example's block, and lets it close the hook's
    status, output = run_suite(slow, group: "'suite', patience: 60")

    expect(status).to be_success, output
  end
end
