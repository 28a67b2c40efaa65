# frozen_string_literal: true

# The soak (docs/soak.md): `rake soak` with every rule, on both loops at once; the others in short, as a part of CI.

require "shellwords"

# Runs it on each loop, side by side, and prints both verdicts.
# @param arguments [Array<String>] of bench/soak/run
# @param environment [Hash{String => String}]
def soak_both_loops(arguments, environment = {})
  # Where we may: before all else that wants a processor, so that latencies are the server's and not the machine's.
  first = system("chrt", "--rr", "1", "true", out: File::NULL, err: File::NULL) ? %w[chrt --rr 1] : []
  folders = %w[epoll io_uring].to_h { |name| [name, "tmp/soak/rake-#{name}"] }
  running = folders.map do |name, folder|
    rm_rf(folder, verbose: false)
    mkdir_p(folder, verbose: false)
    [folder, Process.spawn(environment, *first, "bench/soak/run", "--loop", name, "--out", folder, *arguments,
                           out: "#{folder}/output")]
  end
  passed = running.map do |folder, pid|
    status = Process.wait2(pid).last
    puts File.exist?("#{folder}/verdict.txt") ? File.read("#{folder}/verdict.txt") : File.read("#{folder}/output")
    status.success?
  end
  abort "soak: see tmp/soak/rake-*/report.html" unless passed.all?
end

# What a build machine that does other things, too, cannot say in a minute, and a sanitizer's allocator not at all.
latencies = %w[p99_spread p99_drift p50_drift]

desc "A minute of soak on each loop, every rule judged (ARGS, as of bench/soak/run)"
task soak: :compile do
  soak_both_loops(["--duration", "60s", *Shellwords.split(ENV.fetch("ARGS", ""))])
end

namespace :soak do
  # Half a minute more than the minute above: memory has longer to settle, and a leak longer to show.
  desc "90 seconds of soak on each loop; latencies are told and not judged"
  task ci: :compile do
    soak_both_loops(["--duration", "90s", "--report-only", latencies.join(",")])
  end

  {"address" => ["asan", %w[libasan.so libubsan.so]], "thread" => ["tsan", %w[libtsan.so]]}
    .each do |sanitizer, (name, libraries)|
    desc "A short soak on each loop, the extension built with HYPERION_SANITIZE=#{sanitizer}"
    task name do
      sh({"HYPERION_SANITIZE" => sanitizer}, "bundle", "exec", "rake", "compile", verbose: false)
      preload = libraries.map { |library| `g++ -print-file-name=#{library}`.chomp }.join(" ")
      soak_both_loops(["--duration", "20s", "--rate", "150", "--preload", preload,
                       "--report-only", ["rss_growth", "load_kept", *latencies].join(",")], SOAK_SANITIZERS)
    ensure
      sh("bundle", "exec", "rake", "compile", out: File::NULL, verbose: false)
    end
  end
end

# As for the specs, the interpreter itself is not instrumented, and signals stay with it. ThreadSanitizer does not look
# at what the interpreter calls; races between two threads inside the extension it finds, whoever made them.
SOAK_SANITIZERS = {
  "ASAN_OPTIONS" => "detect_leaks=0:handle_segv=0:allow_user_segv_handler=1:use_sigaltstack=0:" \
                    "detect_stack_use_after_return=0",
  "UBSAN_OPTIONS" => "print_stacktrace=1:halt_on_error=1",
  "TSAN_OPTIONS" => "ignore_noninstrumented_modules=1:handle_segv=0:allow_user_segv_handler=1:use_sigaltstack=0:" \
                    "report_signal_unsafe=0"
}.freeze
