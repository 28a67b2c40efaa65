# frozen_string_literal: true

# How long a stop takes: from TERM to the end of an `exe/hyperion` process, and Hyperion::Server#stop in this process;
# idle, and under load from four keep-alive clients. Prints median and p99 in milliseconds.
#
#   bundle exec ruby -Ilib bench/stop.rb [runs=100]

require "hyperion"
require "socket"
require "tmpdir"

RUNS = Integer(ARGV.fetch(0, "100"), 10)
HELLO = 'run ->(env) { [200, {"content-type" => "text/plain"}, ["hello"]] }'
COMMAND = [RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), File.expand_path("../exe/hyperion", __dir__),
           "-p", "0", "--no-log-requests"].freeze

def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)

# Milliseconds that the block takes.
def measure
  began = clock
  yield
  (clock - began) * 1000
end

# The block, while four clients ask one request after the other until the server has no more answers.
def under_load(port)
  clients = Array.new(4) do
    Thread.new do
      socket = TCPSocket.new("127.0.0.1", port)
      loop do
        socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        socket.readpartial(4096)
      end
    rescue SystemCallError, IOError
      socket&.close
    end
  end
  sleep 0.1
  yield
ensure
  clients.each(&:join)
end

# Gives the block's value.
def with_process
  Dir.mktmpdir do |folder|
    File.write("#{folder}/config.ru", HELLO)
    output = IO.popen(COMMAND, chdir: folder)
    port = nil
    port = output.gets[/Listening on .*:(\d+)/, 1] until port
    time = yield(output.pid, Integer(port))
    output.close
    abort "a stop ended with #{Process.last_status}" unless Process.last_status.success?
    time
  end
end

# Until the process has ended; whoever reads its output reaps it.
def term(pid)
  measure do
    Process.kill("TERM", pid)
    sleep 0.0002 until File.read("/proc/#{pid}/stat")[/\) [ZX] /]
  end
end

def server
  Hyperion::Server.new(app: ->(_env) { [200, {}, ["hello"]] }, port: 0, log_level: "error").start
end

def stop(made)
  measure { made.stop }
end

ROWS = {
  "TERM, idle" => -> { with_process { |pid, _port| term(pid) } },
  "TERM, busy" => -> { with_process { |pid, port| under_load(port) { term(pid) } } },
  "Server#stop, idle" => -> { stop(server) },
  "Server#stop, busy" => -> { server.then { |made| under_load(made.port) { stop(made) } } }
}.freeze

ROWS.each do |name, once|
  times = Array.new(RUNS) { once.call }.sort
  values = {name: name, median: times[RUNS / 2], most: times[(RUNS * 99 / 100) - 1], worst: times.last}
  puts format("%-18<name>s median %6.2<median>f ms   p99 %6.2<most>f ms   worst %6.2<worst>f ms", values)
end
