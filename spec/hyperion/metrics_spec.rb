# frozen_string_literal: true

RSpec.describe Hyperion::Metrics do
  subject(:metrics) { described_class.new }

  let(:page) { Support::Scrape.new(metrics.to_prometheus) }

  it "counts, by labels or without" do
    metrics.counter(:a_total, "A.").increment.increment(2)
    orders = metrics.counter("orders_total", "Orders.", labels: %i[country kind])
    orders.increment(country: "de", kind: :new)
    orders.increment(0.5, kind: "new", country: "de")
    expect(orders.value(country: "de", kind: "new")).to eq(1.5)
    expect(page["a_total"]).to eq(3)
    expect(page["orders_total", country: "de", kind: "new"]).to eq(1.5)
    expect(page.faults).to eq("")
  end

  it "has gauges that go up and down" do
    gauge = metrics.gauge(:size, "Size.")
    gauge.set(5).increment.decrement(2.5)
    expect([gauge.value, page["size"]]).to eq([3.5, 3.5])
  end

  it "has histograms, of values and of the time that a block takes" do
    sizes = metrics.histogram(:size_bytes, "Sizes.", buckets: [1, 10])
    [0, 1, 5, 100].each { |size| sizes.observe(size) }
    times = metrics.histogram(:job_seconds, "Jobs.", labels: [:job])
    expect(times.time(job: "a") { 17 }).to eq(17)
    expect { times.time(job: "a") { raise "no" } }.to raise_error("no")
    expect(page["size_bytes_bucket", le: "1"]).to eq(2)
    expect(page["size_bytes_bucket", le: "10"]).to eq(3)
    expect(page["size_bytes_count"]).to eq(4)
    expect(page["job_seconds_count", job: "a"]).to eq(2)
  end

  it "returns the metric that is there, and refuses another of its name" do
    metrics.counter(:a_total, "A.", labels: [:x]).increment(x: 1)
    expect(metrics.counter(:a_total, "A.", labels: [:x]).value(x: 1)).to eq(1)
    expect { metrics.gauge(:a_total, "A.", labels: [:x]) }.to raise_error(ArgumentError, /a_total is there already/)
    expect { metrics.counter(:a_total, "A.", labels: [:y]) }.to raise_error(ArgumentError, /is there already/)
  end

  it "says what is wrong with a definition" do
    {
      -> { metrics.counter("a b", "A.") } => /"a b" is no name of a metric/,
      -> { metrics.counter(:hyperion_a_total, "A.") } => /hyperion_ are the server's own/,
      -> { metrics.counter(:a_total, "") } => /needs a help text/,
      -> { metrics.counter(:a_total, nil) } => /needs a help text/,
      -> { metrics.counter(:a_total, "A.", labels: ["x y"]) } => /"x y" is no name of a label/,
      -> { metrics.counter(:a_total, "A.", labels: :x) } => /labels must be an Array/,
      -> { metrics.histogram(:a, "A.", buckets: [2, 1]) } => /each larger than the one before/,
      -> { metrics.histogram(:a, "A.", buckets: ["x"]) } => /buckets must be an Array of numbers/,
      -> { metrics.histogram(:a, "A.", labels: [:le]) } => /"le" is no name of a label/
    }.each { |definition, reason| expect(&definition).to raise_error(ArgumentError, reason) }
    expect(metrics.to_prometheus).to eq("")
  end

  it "says what is wrong with a value or a label" do
    counter = metrics.counter(:a_total, "A.", labels: [:x])
    plain = metrics.gauge(:b, "B.")
    {
      -> { counter.increment(-1, x: 1) } => "a_total: a counter only grows",
      -> { counter.increment(Float::NAN, x: 1) } => "a_total: not a number",
      -> { counter.increment } => "a_total has the labels x, given: none",
      -> { counter.increment(y: 1) } => "a_total needs a value for the label x",
      -> { plain.set(1, x: 1) } => "b has no labels, given: x"
    }.each { |call, message| expect(&call).to raise_error(ArgumentError, message) }
    expect { plain.set(nil) }.to raise_error(TypeError)
  end

  it "cleans and bounds label values" do
    counter = metrics.counter(:a_total, "A.", labels: [:x])
    ["\xff", "\u20ac" * 100, "a\nb_total 1", "\u00e9".encode("ISO-8859-1")].each { |value| counter.increment(x: value) }
    2000.times { |i| counter.increment(x: "x#{i}") }
    expect(page.text).to be_valid_encoding
    expect(page.text).not_to match(/^b_total/)
    expect(page.values("a_total", :x).size).to eq(1001)
    expect(page["a_total", x: "other"]).to eq(2004 - 1000)
    expect(page.values("a_total", :x).map(&:bytesize).max).to be <= 128
  end

  it "loses nothing between threads" do
    counter = metrics.counter(:a_total, "A.", labels: [:x])
    Array.new(8) { |n| Thread.new { 2000.times { |i| counter.increment(x: (i + n) % 7) } } }.each(&:join)
    expect(page["a_total"]).to eq(16_000)
  end

  it "works in a forked child, whose numbers are its own" do
    counter = metrics.counter(:a_total, "A.")
    counter.increment
    child = fork do
      counter.increment(5)
      exit!(counter.value == 6 ? 0 : 1)
    end
    expect(Process.wait2(child).last.exitstatus).to eq(0)
    expect(counter.value).to eq(1)
  end
end
