# frozen_string_literal: true

# Requests that make many short system calls give Ruby's lock away at each of them. Were all app threads inside such
# requests, each call would be a change of threads: decision 0013.
RSpec.describe "app threads whose requests make many short system calls" do
  # / asks twenty times for a file that is not there, and computes in between; /naps sleeps, too. /inside tells how many
  # threads were inside a request with each of those.
  app = <<~RUBY
    def cpu = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
    $inside = 0
    $seen = []
    def inside
      $seen << ($inside += 1)
      yield
    ensure
      $inside -= 1
    end
    run(lambda do |env|
      if env["PATH_INFO"] == "/inside"
        seen, $seen = $seen, []
        next [200, {"content-type" => "text/plain"}, [seen.join(" ")]]
      end
      inside do
        20.times do
          File.file?("/not-there")
          ending = cpu + 0.00002
          nil while cpu < ending
        end
        sleep 0.002 if env["PATH_INFO"] == "/naps"
      end
      [200, {"content-type" => "text/plain"}, ["hello"]]
    end)
  RUBY

  # How many threads were inside a request, with each of 3,000 that were served under load: the median.
  def number_inside(process, path)
    Support::Load.during(process.port, connections: 60, target: path) do
      Support::RawClient.open(process.port) do |client|
        all = []
        wait_until("the requests") { (all += client.fetch("GET", "/inside").body.split.map(&:to_i)).size > 3000 }
        all.last(2000).sort[1000]
      end
    end.first
  end

  it "are not all inside them at once" do
    process = start_hyperion("-p", "0", "-t", "5", "--no-log-requests", app: app)
    # On a machine that has other things to do the lock seems to be idle now and then.
    medians = []
    8.times { break if (medians << number_inside(process, "/")).last <= 2 }
    expect(medians.min).to be <= 2
  end

  it "are all inside them when those also wait" do
    process = start_hyperion("-p", "0", "-t", "5", "--no-log-requests", app: app)
    expect(number_inside(process, "/naps")).to be >= 4
  end
end
