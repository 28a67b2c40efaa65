# frozen_string_literal: true

require "csv"
require "open3"
require "tmpdir"

# The soak itself, in short.
RSpec.describe "bench/soak/run" do
  around { |example| Dir.mktmpdir("soak") { |folder| (@folder = File.join(folder, "run")) && example.run } }

  def soak(*arguments)
    Bundler.with_unbundled_env { Open3.capture3("bench/soak/run", *arguments) }
  end

  it "says what is wrong with its options in one line, with status 2" do
    {
      ["--lop", "epoll"] => "soak: invalid option: --lop (bench/soak/run --help lists all options)\n",
      ["--loop", "kqueue"] => "soak: invalid argument: --loop kqueue (bench/soak/run --help lists all options)\n",
      ["--duration", "soon"] =>
        "soak: --duration: \"soon\" is no time such as 60s, 60m or 24h (bench/soak/run --help lists all options)\n",
      ["--duration", "5s"] =>
        "soak: --duration must be at least 10 intervals (bench/soak/run --help lists all options)\n",
      ["--report-only",
       "rss"] => "soak: --report-only: no rule is named rss (bench/soak/run --help lists all options)\n",
      ["--verify", "/nowhere"] => "soak: there is no run in /nowhere (bench/soak/run --help lists all options)\n"
    }.each do |arguments, line|
      output, errors, status = soak(*arguments)
      expect([output, errors, status.exitstatus]).to eq(["", line, 2])
    end
  end

  it "fails an application that keeps 1 KiB of each request, and names the rule", :soak do
    output, _, status = soak("--duration", "30s", "--rate", "1000", "--app", "spec/fixtures/soak/leaking.ru",
                             "--out", @folder)
    expect(output[/^SOAK FAIL: .*/]).to include("rss_growth")
    expect(status.exitstatus).to eq(1)
  end

  it "goes on where it was interrupted, with another server, and says so", :soak do
    first = Bundler.with_unbundled_env do
      Process.spawn("bench/soak/run", "--duration", "16s", "--rate", "100", "--out", @folder, out: File::NULL,
                                                                                              err: File::NULL)
    end
    samples = -> { CSV.read(File.join(@folder, "samples.csv")) }
    wait_until("samples") { File.exist?(File.join(@folder, "samples.csv")) && samples.call.size > 4 }
    Process.kill(:INT, first)
    expect(Process.wait2(first).last.exitstatus).to eq(1)
    expect(File.read(File.join(@folder, "verdict.txt"))).to start_with("SOAK FAIL: unfinished")

    output, = soak("--resume", @folder)
    expect(output).to include("s, resumed 1 time,")
    expect(samples.call.drop(1).map(&:first).uniq).to eq(%w[1 2])
    expect(output).to match(/good +lost_responses/).and match(/good +crashes/)
    expect(File.read(File.join(@folder, "report.html"))).to include("<svg").and include("resumed 1 time")
  end
end
