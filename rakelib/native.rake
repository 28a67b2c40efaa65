# frozen_string_literal: true

# The C++ tests of the native core; no Ruby is involved. Arguments for the test program stand in TESTS, for example
# `rake native TESTS='--test-case=*chunked*'`.

require "shellwords"
require_relative "toolbox"

# Findings of a sanitizer end the program: a warning in a log is read by nobody.
NATIVE_VARIANTS = {
  "native" => ["tmp/native", {}, {}],
  "native:asan" => ["tmp/native-asan", {HYPERION_SANITIZE: "address"},
                    {"ASAN_OPTIONS" => "detect_stack_use_after_return=1:strict_string_checks=1",
                     "UBSAN_OPTIONS" => "print_stacktrace=1:halt_on_error=1"}],
  "native:tsan" => ["tmp/native-tsan", {HYPERION_SANITIZE: "thread"}, {"TSAN_OPTIONS" => "halt_on_error=1"}]
}.freeze

descriptions = {
  "native" => "Build and run the C++ tests", "native:asan" => "The C++ tests under ASan and UBSan",
  "native:tsan" => "The C++ tests under TSan"
}

NATIVE_VARIANTS.each do |name, (folder, options, environment)|
  task "#{name}:build" do
    Toolbox.build(folder, HYPERION_WARNINGS_AS_ERRORS: ENV.fetch("HYPERION_WARNINGS_AS_ERRORS", "0"), **options)
  end

  desc descriptions.fetch(name)
  task name => "#{name}:build" do
    sh(environment, "#{folder}/native_tests", *Shellwords.split(ENV.fetch("TESTS", "")))
    # Once more, what runs a whole engine: over the other loop.
    next if ENV.key?("TESTS")

    sh({"HYPERION_LOOP" => "io_uring", **environment}, "#{folder}/native_tests", "--test-case=engine:*", "--minimal")
  end
end
