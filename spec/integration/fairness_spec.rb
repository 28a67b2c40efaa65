# frozen_string_literal: true

# Who else is there must not matter. Each example measures one quiet client with and without the others, in turns, and
# compares medians: what a busy machine does to a few requests is not in them, and what a broken server does is tens of
# times more than what is allowed.
RSpec.describe "fairness" do
  # /nap sleeps 10 ms, /wait until the file "go" is there (and leaves a line in "in"), /work computes for 2 ms and
  # /step for 0.1 ms, /array, /each and /file answer with 1 MiB.
  app = <<~RUBY
    MIB = ("m" * (1 << 20)).freeze
    File.write("mib", MIB)
    EACH = Object.new
    def EACH.each = 64.times { yield MIB[0, 16_384] }
    FILE = Object.new
    def FILE.to_path = "mib"
    def FILE.each = yield(MIB)
    TEXT = {"content-type" => "text/plain"}
    def clock = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
    run(lambda do |env|
      case env["PATH_INFO"]
      when "/nap" then sleep 0.01
      when "/wait"
        File.open("in", "a") { |file| file.puts("in") }
        sleep 0.005 until File.exist?("go")
      when "/work", "/step"
        ending = clock + (env["PATH_INFO"] == "/work" ? 0.002 : 0.0001)
        nil while clock < ending
      when "/array" then next [200, {}, [MIB]]
      when "/each" then next [200, {}, EACH]
      when "/file" then next [200, {"content-length" => MIB.bytesize.to_s}, FILE]
      end
      [200, TEXT, ["hello"]]
    end)
  RUBY

  def start(threads)
    start_hyperion("-p", "0", "-t", threads.to_s, "--no-log-requests", app: app_text)
  end

  let(:app_text) { app }

  # Median seconds of requests of one client.
  def median(port, path: "/", requests: 150)
    Support::RawClient.open(port) do |client|
      times = Array.new(requests) do
        began = monotonic
        client.fetch("GET", path)
        monotonic - began
      end
      times.sort[requests / 2]
    end
  end

  # Median beside the others, by that without them, and the former: of the first round in which nobody is disturbed,
  # else the least of all. The block takes what measures, and calls it with the others there.
  def slowdown(port, rounds: 5)
    median(port) # warm
    measured = []
    while measured.size < rounds
      alone = median(port)
      beside = yield(-> { median(port) })
      measured << [beside / alone, beside]
      return measured.last if unnoticed?(*measured.last)
    end
    measured.min
  end

  # Twice as long at most; or so little that no time slice, nap or time-out hides in it.
  def unnoticed?(ratio, seconds)
    ratio <= 2 || seconds < 0.001
  end

  def expect_unnoticed(measured)
    ratio, seconds = measured
    expect(unnoticed?(ratio, seconds)).to be(true), "#{ratio.round(2)} times as long: #{(seconds * 1000).round(2)} ms"
  end

  it "gives 100 clients on 5 threads the same share" do
    process = start(5)
    spreads = []
    5.times do
      # The application is slower than the clients: what they get is the server's choice.
      _, counts = Support::Load.during(process.port, connections: 100, target: "/step") { sleep 1.5 }
      mean = counts.sum / 100.0
      break if (spreads << counts.map { |count| (count - mean).abs / mean }.max).last < 0.1
    end
    expect(spreads.min).to be < 0.1
  end

  it "is not disturbed by 1,000 idle connections" do
    skip "too few descriptors" unless Support::Crowd.possible?(1000)
    process = start(5)
    measured = slowdown(process.port) do |measure|
      Support::Crowd.open(process.port, 1000) do |crowd|
        crowd.write("GET / HTTP/1.1\r\nHost: idle\r\n\r\n").read_some
        measure.call
      end
    end
    expect_unnoticed(measured)
  end

  {
    "before their first byte" => "",
    "in a head" => "GET / HTTP/1.1\r\nHost: sil",
    "in a body" => "POST / HTTP/1.1\r\nHost: silent\r\nContent-Length: 10\r\n\r\n12345",
    "in a chunked body" => "POST / HTTP/1.1\r\nHost: silent\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "in a large body" => "POST / HTTP/1.1\r\nHost: silent\r\nContent-Length: 600000\r\n\r\n#{"x" * 300_000}"
  }.each do |place, bytes|
    it "is not disturbed by connections that are silent #{place}" do
      process = start(2)
      measured = slowdown(process.port) do |measure|
        Support::Crowd.open(process.port, 50) { |crowd| crowd.write(bytes) && measure.call }
      end
      expect_unnoticed(measured)
    end
  end

  %w[/array /each /file].each do |path|
    it "is not disturbed by more stalled readers of 1 MiB (#{path}) than there are threads" do
      process = start(2)
      measured = slowdown(process.port) do |measure|
        Support::Crowd.open(process.port, 20) do |crowd|
          crowd.write("GET #{path} HTTP/1.1\r\nHost: stalled\r\n\r\n").read_some
          measure.call
        end
      end
      expect_unnoticed(measured)
    end
  end

  it "is not disturbed by requests that sleep on all threads but one" do
    process = start(5)
    measured = slowdown(process.port) do |measure|
      FileUtils.rm_f(process.path("in"))
      sleepers = Array.new(4) { Support::RawClient.new(process.port).request("GET", "/wait") }
      wait_until("the sleepers") { File.exist?(process.path("in")) && File.size(process.path("in")) == 12 }
      measure.call.tap do
        process.write("go", "")
        sleepers.each { |client| expect(client.read_response.status).to eq(200) }
        File.delete(process.path("go"))
      end
    end
    expect_unnoticed(measured)
  end

  it "is not disturbed by requests that come back from a nap again and again on all threads but one" do
    process = start(5)
    measured = slowdown(process.port) do |measure|
      Support::Load.during(process.port, connections: 4, target: "/nap", &measure).first
    end
    expect_unnoticed(measured)
  end

  it "gives a client that pipelines no more than any other when the application is busy" do
    process = start(1)
    modest = nil
    _, greedy = Support::Load.during(process.port, connections: 1, depth: 500, target: "/work") do
      _, modest = Support::Load.during(process.port, connections: 10, target: "/work") { sleep 2 }
    end
    # The greedy one was alone while the others came and went; a share of everything would be hundreds of times theirs.
    expect(modest.min).to be_positive
    expect(modest.max).to be <= (modest.min * 1.5) + 5
    expect(greedy.sum).to be < modest.sum
  end
end
