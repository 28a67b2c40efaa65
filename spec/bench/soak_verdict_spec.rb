# frozen_string_literal: true

require "tmpdir"
require_relative "../../bench/soak/verdict"

# The rules of the soak over made series: 60 s with a sample each second, or an hour with one each ten seconds.
RSpec.describe Soak::Verdict do
  around { |example| Dir.mktmpdir("soak") { |folder| (@folder = folder) && example.run } }

  # What a healthy server shows: memory in steps of pages with the sawtooth of a garbage collector, descriptors that
  # jump by whole numbers, percentiles that are never the same twice.
  # @yieldparam sample [Hash] to be changed; its number; the random numbers
  def series(duration: 60, interval: 1, segments: 1, windows: nil, &change)
    random = Random.new(7)
    series = Soak::Series.create(File.join(@folder, "run"), facts(duration, interval))
    segments.times do |segment|
      series.begin_segment
      add_samples(series, segment, segments, random, &change)
      add_windows(series, random, windows, duration * segment / segments)
      series.end_segment("exit 0")
    end
    series
  end

  def facts(duration, interval)
    {duration: duration, interval: interval, loop: "epoll", profile: "mixed", rate: 400, plain_rate: 240.0, seed: 1,
     connections: 41, warm_up: Soak::Rules.warm_up(duration), window: Soak::Rules.window(duration, interval, 240.0),
     report_only: [], machine: "a machine"}
  end

  def add_samples(series, segment, segments, random)
    facts = series.facts
    count = facts[:duration] / facts[:interval] / segments
    count.times do |number|
      total = segment * count + number + 1
      sample = {segment: segment + 1, phase: "load", time: total * facts[:interval], seconds: facts[:interval],
                rss_kib: 60_000 + random.rand(4) * 132 + total % 5 * 1500 + random.rand(9) * 4,
                descriptors: 50 + random.rand(4), plain: 240 * facts[:interval], right: 400 * facts[:interval],
                wrong: 0, lost: 0, explained: 5, unexplained: 0}
      yield sample, number + 1, random if block_given?
      series.add_sample(sample)
    end
  end

  def add_windows(series, random, change, began)
    size = series.facts[:window]
    first = began + series.facts[:warm_up] + size
    (first..series.elapsed).step(size).each_with_index do |time, number|
      window = {segment: series.ends.size, time: time, count: 1200, p50_us: 400 + random.rand(60),
                p99_us: 3000 + random.rand(600), foreign_cpu: 0.1, cpu_wait: 0.3}
      change&.call(window, number, random)
      series.add_window(window)
    end
  end

  def failures(series)
    verdict = described_class.new(series)
    verdict.findings.reject(&:good).map(&:rule).tap { |rules| expect(verdict.pass?).to be(rules.empty?) }
  end

  it "passes what is healthy, however coarse its values are" do
    expect(failures(series)).to be_empty
    FileUtils.remove_entry(File.join(@folder, "run"))
    expect(failures(series(duration: 3600, interval: 10))).to be_empty
  end

  it "passes memory that comes in large steps, and descriptors that jump and come back" do
    healthy = series(duration: 3600, interval: 10) do |sample, number, _random|
      sample[:rss_kib] = 60_000 + (number > 100 ? 132 * 8 : 0) + number % 7 * 132 * 30
      sample[:descriptors] = (number % 11).zero? ? 70 : 50
    end
    expect(failures(healthy)).to be_empty
  end

  it "finds a leak of 1 KiB a request within a minute, under the sawtooth of garbage" do
    leaking = series do |sample, number, random|
      sample[:rss_kib] += number * 400 + random.rand(6000)
    end
    expect(failures(leaking)).to eq([:rss_growth])
  end

  it "finds a leak of 16 bytes a request within an hour" do
    leaking = series(duration: 3600, interval: 10) do |sample, number, random|
      sample[:rss_kib] += number * 10 * 400 * 16 / 1024 + random.rand(6000)
    end
    expect(failures(leaking)).to eq([:rss_growth])
  end

  it "finds memory that grows in steps as well as memory that grows steadily" do
    leaking = series { |sample, number, _random| sample[:rss_kib] += number / 8 * 8 * 400 }
    expect(failures(leaking)).to eq([:rss_growth])
  end

  it "finds a descriptor leak of one in a thousand requests" do
    leaking = series { |sample, number, _random| sample[:descriptors] += number * 400 / 1000 }
    expect(failures(leaking)).to eq([:descriptor_growth])
  end

  it "finds one peak of descriptors above the connections and 50" do
    peaked = series { |sample, number, _random| sample[:descriptors] = 92 if number == 40 }
    expect(failures(peaked)).to eq([:descriptor_peak])
  end

  it "finds one lost and one wrong response, also during warm-up" do
    expect(failures(series { |sample, number, _| sample[:lost] = 1 if number == 2 })).to eq([:lost_responses])
    FileUtils.remove_entry(File.join(@folder, "run"))
    expect(failures(series { |sample, number, _| sample[:wrong] = 1 if number == 50 })).to eq([:wrong_responses])
  end

  it "finds a latency that grows slowly: the tail alone, and the median alone" do
    tail = ->(window, number, _random) { window[:p99_us] += number * 400 }
    expect(failures(series(windows: tail))).to include(:p99_drift)
    FileUtils.remove_entry(File.join(@folder, "run"))
    median = ->(window, number, _random) { window[:p50_us] += number * 6 }
    expect(failures(series(duration: 3600, interval: 10, windows: median))).to eq([:p50_drift])
  end

  it "finds a tail that comes and goes" do
    restless = ->(window, number, _random) { window[:p99_us] *= 4 if number % 4 == 2 }
    expect(failures(series(duration: 3600, interval: 10, windows: restless))).to eq([:p99_spread])
  end

  it "leaves out windows in which others had the machine, and does not pass without any others" do
    disturbed = lambda do |window, number, _random|
      window.update(p99_us: 80_000, foreign_cpu: 0.7, cpu_wait: 0.6) if number > 9
    end
    expect(failures(series(duration: 3600, interval: 10, windows: disturbed))).to be_empty
    FileUtils.remove_entry(File.join(@folder, "run"))
    always = ->(window, _number, _random) { window.update(foreign_cpu: 0.7, cpu_wait: 0.6) }
    expect(failures(series(windows: always))).to eq(%i[p99_spread p99_drift p50_drift])
  end

  it "judges windows in which the server's threads waited for each other" do
    slow = ->(window, number, _random) { window.update(p99_us: 4000 * (1 + number), cpu_wait: 0.9) }
    expect(failures(series(windows: slow))).to include(:p99_drift)
  end

  it "finds lines of the log that nothing explains, a server that ended badly, and clients that did not ask" do
    expect(failures(series { |sample, number, _| sample[:unexplained] = 1 if number == 9 })).to eq([:log_errors])
    FileUtils.remove_entry(File.join(@folder, "run"))
    expect(failures(series { |sample, _, _| sample[:plain] = 100 })).to eq([:load_kept])
    FileUtils.remove_entry(File.join(@folder, "run"))
    crashed = series
    crashed.end_segment("ended by itself, signal SEGV")
    expect(failures(crashed)).to eq([:crashes])
  end

  it "looks at each segment of a resumed run by itself, and says that it was resumed" do
    # The second server begins small again: over both the memory falls, and in each it grows.
    leaking = series(segments: 2, duration: 240) { |sample, number, _random| sample[:rss_kib] += number * 1000 }
    expect(failures(leaking)).to eq([:rss_growth])
    expect(described_class.new(leaking).circumstances).to include("resumed 1 time")
  end

  it "is no PASS when the run is not finished" do
    short = series
    short.facts[:duration] = 100
    expect(described_class.new(short)).to have_attributes(pass?: false, headline: /unfinished, 60 of 100 s/)
  end

  it "comes out the same from the files, and is void when the rules have changed" do
    written = series
    verdict = described_class.new(Soak::Series.load(written.folder))
    expect(verdict.text).to eq(described_class.new(written).text)
    written.facts[:rules] = "1-0123456789ab"
    written.save
    expect(described_class.new(Soak::Series.load(written.folder)))
      .to have_attributes(pass?: false, headline: /void: the rules have changed/)
  end

  it "has the names of all rules" do
    expect(described_class.new(series).findings.map(&:rule)).to eq(described_class::RULES)
  end

  it "tells what it does not judge" do
    quiet = series { |sample, number, _random| sample[:rss_kib] += number * 1000 }
    quiet.facts[:report_only] = ["rss_growth"]
    expect(described_class.new(quiet)).to have_attributes(pass?: true, headline: "PASS (not judged: rss_growth)")
  end

  it "writes each number with its bound" do
    described_class.new(series).write
    rows = CSV.read(File.join(@folder, "run/summary.csv"), headers: true, skip_lines: /\A#/)
    expect(rows["rule"]).to include("rss_growth", "descriptor_peak", "p99_spread", "lost_responses", "crashes")
    expect(rows["verdict"].uniq).to eq(["good"])
    expect(File.read(File.join(@folder, "run/verdict.txt"))).to start_with("PASS\nrules #{Soak::Rules::VERSION}, ")
  end
end
