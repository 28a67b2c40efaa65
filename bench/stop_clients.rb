# frozen_string_literal: true

# What clients see when a server is told to stop (TERM) under their load: eighteen that ask without a pause, on
# connections that they keep, or on a new one for each request. Counts how these ended, in all runs together.
#
#   BUNDLE_GEMFILE=bench/Gemfile bundle exec ruby bench/stop_clients.rb [runs=20] [puma]
#
#   told     the last response said `connection: close`
#   closed   a connection ended without a word where a response was due
#   reset    the same, by a reset
#   refused  the client gave up, for nobody listened any more: once for each client

require "rbconfig"
require "socket"

# One client: asks until it is refused.
class Asker
  REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

  def initialize(port, keep)
    @port = port
    @keep = keep
    @seen = Hash.new(0)
  end

  # @return [Hash{Symbol => Integer}] how often what was seen
  def run
    loop { ask }
  rescue Errno::ECONNREFUSED
    @seen[:refused] += 1
    @seen
  end

  private

  def ask
    @socket ||= TCPSocket.new("127.0.0.1", @port)
    @socket.write(REQUEST)
    response = @socket.readpartial(4096)
    @seen[:served] += 1
    told = response.match?(/^connection: close/i)
    @seen[:told] += 1 if told
    leave if told || !@keep
  rescue EOFError
    @seen[:closed] += 1
    leave
  rescue Errno::ECONNRESET, Errno::EPIPE
    @seen[:reset] += 1
    leave
  end

  def leave
    @socket&.close
    @socket = nil
  end
end

# Eighteen clients in three processes, so that none waits for another one's interpreter for long.
# @return [Array(Integer, IO)] pairs: the processes, and what they say at last
def start_askers(port, keep)
  Array.new(3) do
    output, input = IO.pipe
    pid = fork do
      threads = Array.new(6) { Thread.new { Asker.new(port, keep).run } }
      input.write(Marshal.dump(threads.map(&:value)))
      input.close
      exit!(0)
    end
    input.close
    [pid, output]
  end
end

# @return [Array<Hash{Symbol => Integer}>] once all have given up
def seen_by(askers)
  askers.flat_map do |pid, output|
    Marshal.load(output.read).tap { Process.wait(pid) } # rubocop:disable Security/MarshalLoad -- our own child's
  end
end

def command(name, port)
  case name
  when "hyperion"
    [RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), File.expand_path("../exe/hyperion", __dir__), "-C", "-",
     "-b", "127.0.0.1", "-p", port.to_s, "--no-log-requests"]
  when "puma" then ["puma", "-C", "-", "-q", "-t", "5:5", "-b", "tcp://127.0.0.1:#{port}"]
  else abort "stop_clients: no server #{name}: hyperion or puma"
  end
end

def free_port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }

def wait_for(port, pid)
  TCPSocket.new("127.0.0.1", port).close
rescue Errno::ECONNREFUSED
  abort "the server ended before it listened" if Process.wait(pid, Process::WNOHANG)
  sleep 0.05
  retry
end

# One server, from its start to its end.
def run_once(name, keep)
  port = free_port
  pid = spawn(*command(name, port), File.expand_path("rackups/hello.ru", __dir__), out: File::NULL, err: File::NULL)
  wait_for(port, pid)
  askers = start_askers(port, keep)
  sleep 0.25 + (rand * 0.1)
  Process.kill("TERM", pid)
  seen_by(askers).tap { Process.wait(pid) }
end

runs = Integer(ARGV.fetch(0, "20"), 10)
names = ["hyperion", *ARGV.drop(1)]
totals = Hash.new { |hash, key| hash[key] = Hash.new(0) }
runs.times do
  names.product([true, false]) do |name, keep|
    run_once(name, keep).each { |seen| totals[[name, keep]].merge!(seen) { |_, one, other| one + other } }
  end
end

def row(server, connections, counts)
  puts "#{server.ljust(10)}#{connections.ljust(20)}#{counts.map { |count| count.to_s.rjust(9) }.join}"
end

KINDS = %i[served told closed reset refused].freeze
row("server", "connections", KINDS)
totals.each do |(name, keep), seen|
  row(name, keep ? "kept" : "one for each request", KINDS.map { |kind| seen[kind] })
end
