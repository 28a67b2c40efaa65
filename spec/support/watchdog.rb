# frozen_string_literal: true

require "rbconfig"

module Support
  # Ends a suite that hangs, with a failure and the backtraces that tell where, instead of waiting for ever. Two look
  # on: a thread, which can print what all threads do, and a process, for the case that somebody keeps Ruby's lock.
  class Watchdog
    # Seconds from one sign of life to the next. An example may ask for another, `it "builds", patience: 600`, and so
    # may a group, for its before(:all), too.
    PATIENCE = Float(ENV.fetch("HYPERION_SPEC_PATIENCE", "180"))
    STATUS = 70
    # What the process has after the thread should have acted.
    GRACE = [PATIENCE, 10].min

    # Ends the process with this id when no number of seconds has come on standard input for the last number of seconds.
    # SIGSEGV makes Ruby print where it is; SIGKILL ends what even that does not.
    GUARD = <<~'RUBY'
      pid = Integer(ARGV.first)
      patience = nil
      while $stdin.wait_readable(patience)
        line = $stdin.gets or exit
        patience = Float(line)
      end
      warn "watchdog: the suite keeps Ruby's lock; ending process #{pid}"
      %w[SEGV KILL].each { |name| Process.kill(name, pid) and sleep 5 }
    RUBY

    def initialize
      @owner = Process.pid
      input, @guard = IO.pipe
      # It ends when the suite does: then it reads the end of the pipe.
      Process.detach(Process.spawn({"RUBYOPT" => nil}, RbConfig.ruby, "--disable=gems", "-rio/wait", "-e", GUARD,
                                   @owner.to_s, in: input))
      input.close
      beat("the start of the suite")
      Thread.new { watch }
    end

    # A sign of life.
    # @param doing [String] what begins now
    # @param patience [Numeric] how long it may take
    def beat(doing, patience = PATIENCE)
      return unless Process.pid == @owner

      @guard.puts(patience + GRACE)
      @state = [doing, now + patience]
    end

    private

    def watch
      sleep 0.1 until now > @state.last
      report
      exit!(STATUS)
    end

    def report
      warn "\nwatchdog: no end of #{@state.first}; what the threads do:"
      Thread.list.each do |thread|
        warn "\n#{thread.inspect}", *(thread.backtrace || []).map { |line| "  #{line}" } unless thread == Thread.current
      end
      HyperionProcess.running.each do |process|
        warn "\nprocess #{process.pid} wrote:\n#{process.stdout}#{process.stderr}"
        process.clean
      end
    end

    def now
      Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end

RSpec.configure do |config|
  watchdog = nil
  config.before(:suite) { watchdog = Support::Watchdog.new }
  config.before(:context) do
    watchdog.beat("what comes before #{self.class.description}",
                  self.class.metadata.fetch(:patience, Support::Watchdog::PATIENCE))
  end
  config.before do |example|
    watchdog.beat("#{example.full_description} (#{example.location})",
                  example.metadata.fetch(:patience, Support::Watchdog::PATIENCE))
  end
  config.append_after { |example| watchdog.beat("what follows #{example.full_description}") }
end
