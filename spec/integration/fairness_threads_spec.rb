# frozen_string_literal: true

# The application's own threads beside its requests: each must get on, and none may take everything. Measured in the
# threads' own CPU time, in which a busy machine changes nothing.
RSpec.describe "fairness between requests and the application's own threads" do
  # `work` is what a thread of the application does, again and again. /count tells how often it did, its CPU time, and
  # that of the app thread. / computes for 0.1 ms, /compute for 0.3 s.
  def start(work, threads: 1)
    app = <<~RUBY
      def cpu = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
      def compute(seconds)
        ending = cpu + seconds
        nil while cpu < ending
      end
      $count = $cpu = 0
      Thread.new { loop { #{work}; $count += 1; $cpu = cpu } }
      run(lambda do |env|
        case env["PATH_INFO"]
        when "/count" then next [200, {}, [[$count, $cpu, cpu].join(" ")]]
        when "/compute" then compute(0.3)
        else compute(0.0001)
        end
        [200, {"content-type" => "text/plain"}, ["hello"]]
      end)
    RUBY
    start_hyperion("-p", "0", "-t", threads.to_s, "--no-log-requests", app: app)
  end

  # What /count counts, while more requests wait than can be served, for a second of the app thread's time.
  # @return [Array<Float>] per second of the app thread: turns of the other one, and its time
  def measure(process)
    Support::Load.during(process.port, connections: 200) do
      Support::RawClient.open(process.port) do |client|
        numbers = -> { client.fetch("GET", "/count").body.split.map { |text| Float(text) } }
        first = last = numbers.call
        wait_until("a second") { ((last = numbers.call)[2] - first[2]) > 1 }
        count, own, served = last.zip(first).map { |after, before| after - before }
        [count / served, own / served]
      end
    end.first
  end

  it "wakes one that sleeps 1 ms at least 300 times a second" do
    wakes, = measure(start("sleep 0.001"))
    expect(wakes).to be >= 300
  end

  it "gives one that computes without a pause about as much time as the requests" do
    _, share = measure(start("compute(0.001)"))
    expect(share).to be_between(0.3, 3)
  end

  it "does not let a request that computes for long stop the others" do
    process = start("sleep 1", threads: 3)
    answers = []
    5.times do
      computing = Support::RawClient.new(process.port).request("GET", "/compute")
      _, counts = Support::Load.during(process.port, connections: 40) { computing.read_response }
      # One round of the clients for each time slice of the interpreter were 120 to 160.
      break if (answers << counts.sum).last > 500
    end
    expect(answers.max).to be > 500, answers.inspect
  end
end
