# frozen_string_literal: true

# Compares servers: rounds, and in each round every row with every server in turn, so that what disturbs the machine
# disturbs all of them. Called by bench/run_all.sh; its --help tells the options.

require "fileutils"
require "optparse"
require "securerandom"
require "tmpdir"
require_relative "../rivals/rivals"
require_relative "report"
require_relative "row"
require_relative "server"
require_relative "wrk"

module Bench
  # The whole comparison.
  class Run
    Measure = Struct.new(*Report::COLUMNS, keyword_init: true)

    def initialize(arguments)
      @rounds = 3
      @seconds = 4
      @rows = ROWS
      @names = Rivals::COMPARED
      @syscalls = false
      @out = File.join(Rivals::ROOT, "tmp/bench-results")
      options.parse!(arguments)
      abort "bench: unknown: #{arguments.join(" ")}" unless arguments.empty?
      @rivals = @names.map { |name| Rivals.named(name) }
    end

    # @return [Boolean] whether our own server did every row
    def call
      FileUtils.mkdir_p(@out)
      @report = Report.new(@rivals, rounds: @rounds, seconds: @seconds, possible: mean_idle_nap)
      Dir.mktmpdir("hyperion-bench") do |folder|
        ENV["BENCH_FILES"] = folder
        FILES.each { |name, size| File.binwrite(File.join(folder, name), SecureRandom.bytes(size)) }
        measures = Array.new(@rounds) { |round| round_of(round + 1, folder) }.flatten
        @report.write(measures, @out)
        measures.none? do |measure|
          measure.server.start_with?("hyperion") && (measure.failure || measure.faults.positive?)
        end
      end
    end

    private

    def options
      OptionParser.new do |parser|
        parser.banner = "Usage: bench/run_all.sh [options]"
        parser.on("--quick", "one round of one second, ours and Puma, no Rails: does the harness work?") do
          @rounds = @seconds = 1
          @names = %w[hyperion puma]
          @rows = ROWS.reject { |row| row.app == "rails" || row.name.include?("-c") }
        end
        parser.on("--rounds N", Integer) { |rounds| @rounds = rounds }
        parser.on("--seconds N", Integer, "of load, for each server, row and round") { |seconds| @seconds = seconds }
        parser.on("--rows LIST", Array, ROWS.map(&:name).join(",")) do |names|
          @rows = names.map { |name| ROWS.find { |row| row.name == name } || abort("bench: no row is named #{name}") }
        end
        parser.on("--servers LIST", Array, Rivals::BUILDERS.keys.join(",")) do |names|
          @names = names.each { |name| Rivals::BUILDERS.key?(name) || abort("bench: no server is named #{name}") }
        end
        parser.on("--syscalls", "a second more under strace, to count our system calls") { @syscalls = true }
        parser.on("--out DIR", "where the CSV files and report.md go (tmp/bench-results)") { |folder| @out = folder }
      end
    end

    def round_of(round, folder)
      @rows.flat_map do |row|
        # Nobody is always the first one.
        @rivals.rotate(round - 1).select { |rival| rival.serves?(row) }.map do |rival|
          measure = measure(round, row, rival, folder)
          warn Report.line(measure)
          measure
        end
      end
    end

    def measure(round, row, rival, folder)
      Server.open(rival, row, folder) do |server|
        load = ->(seconds) { Wrk.run(server.url, connections: row.connections, seconds: seconds, once: row.once) }
        load.call(1) if @seconds > 1
        server.mean_nap if row.naps
        before = server.processor_time
        figures = load.call(@seconds)
        used = server.processor_time - before
        Measure.new(round: round, row: row.name, server: rival.name, rate: figures.rate, median: figures.median,
                    tail: figures.tail, cpu: used / [figures.requests, 1].max * 100_000,
                    nap: (server.mean_nap if row.naps), faults: figures.faults, syscalls: syscalls(server, load))
      end
    rescue Server::Failure, Net::ReadTimeout, SystemCallError => error
      failure = error.message.strip.lines.last.to_s.strip
      Measure.new(round: round, row: row.name, server: rival.name, faults: 0, failure: failure)
    end

    # For each request. strace slows the server down, so that more of them find it waiting than would otherwise.
    def syscalls(server, load)
      return unless @syscalls && server.name.start_with?("hyperion", "nginx")

      figures = nil
      calls = server.count_syscalls { figures = load.call(1) }
      calls.to_f / [figures.requests, 1].max
    end

    # What `sleep 0.01` takes on this machine when nothing else asks for the processor.
    def mean_idle_nap
      clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
      began = clock.call
      50.times { sleep 0.01 }
      (clock.call - began) / 50
    end
  end
end

exit(Bench::Run.new(ARGV).call)
