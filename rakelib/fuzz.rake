# frozen_string_literal: true

# The libFuzzer targets of spec/fuzz, under ASan and UBSan, each for SECONDS (20), as many at once as there are
# processors. They start from the protocol cases in spec/corpus; what they find grows in tmp/fuzz/found, and an input
# that breaks something is kept as tmp/fuzz/TARGET-crash-*. `rake fuzz TARGET=session SECONDS=600` runs one for longer.

require "etc"
require_relative "toolbox"

# Runs a target for its time.
# @return [String, nil] what it found: the end of its log
def fuzz(target)
  log = "tmp/fuzz/#{target}.log"
  passed = system("tmp/fuzz/#{target}", "-max_total_time=#{ENV.fetch("SECONDS", "20")}", "-timeout=10",
                  "-print_final_stats=1", "-dict=spec/fuzz/http.dict", "-artifact_prefix=tmp/fuzz/#{target}-",
                  "tmp/fuzz/found/#{target}", "tmp/fuzz/seeds/#{target}", %i[out err] => log)
  return "#{File.readlines(log).last(60).join}\n#{target}: see #{log}" unless passed

  puts "fuzz #{target}: #{File.read(log)[/number_of_executed_units: (\d+)/, 1]} inputs, nothing found"
end

task "fuzz:build" do
  Toolbox.build("tmp/fuzz", compiler: Toolbox.clang("clang++", package: "clang"),
                            HYPERION_FUZZ: "ON", HYPERION_SANITIZE: "address")
end

desc "Build the fuzzers and run each for a short while (SECONDS, TARGET)"
task fuzz: "fuzz:build" do
  targets = FileList["spec/fuzz/*.cpp"].map { |source| File.basename(source, ".cpp") }
  targets &= [ENV["TARGET"]] if ENV["TARGET"]
  abort "No fuzz target#{" is named #{ENV["TARGET"]}" if ENV["TARGET"]}." if targets.empty?
  sh("tmp/fuzz/write_seeds", "tmp/fuzz/seeds")
  mkdir_p(targets.map { |target| "tmp/fuzz/found/#{target}" }, verbose: false)
  left = Queue.new
  targets.each { |target| left << target }
  left.close
  runners = Array.new(Etc.nprocessors) do
    Thread.new do
      reports = []
      while (target = left.pop)
        reports << fuzz(target)
      end
      reports
    end
  end
  reports = runners.flat_map(&:value).compact
  abort reports.join("\n") if reports.any?
end
