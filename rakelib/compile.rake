# frozen_string_literal: true

# The extension for this Ruby, in lib/hyperion/. Every combination of switches (see ext/hyperion_http/extconf.rb) has a
# build folder of its own, and the one built last is the one in lib/: `HYPERION_DEBUG=1 rake compile`, then plain
# `rake compile` to go back.

require "rake/extensiontask"
require_relative "toolbox"

ENV["MAKEFLAGS"] ||= "-j#{Toolbox.jobs}"

switches = ENV.values_at("CXX", "HYPERION_SANITIZE")
switches << "debug" if ENV["HYPERION_DEBUG"] == "1"
switches << "no-uring" if ENV["HYPERION_LIBURING"] == "0"
switches << "strict" if ENV["HYPERION_WARNINGS_AS_ERRORS"] == "1"
variant = switches.compact.reject(&:empty?).map { |switch| File.basename(switch) }.join("-")

extension = Rake::ExtensionTask.new("hyperion_http") do |task|
  task.lib_dir = "lib/hyperion"
  task.tmp_dir = "tmp/ext/#{variant.empty? ? "plain" : variant}"
  task.source_pattern = "**/*.{cpp,hpp}"
end

# A source that was added or removed belongs into the Makefile.
sources = "#{extension.tmp_dir}/sources.txt"
present = Dir["ext/**/*.cpp"].sort.join("\n")
unless File.exist?(sources) && File.read(sources) == present
  mkdir_p(File.dirname(sources), verbose: false)
  File.write(sources, present)
end
folder = "#{extension.tmp_dir}/#{RUBY_PLATFORM}/hyperion_http/#{RUBY_VERSION}"
file "#{folder}/Makefile" => sources

desc "Build what the sanitizers and the fuzzers run, all of it; nothing is put into lib/"
task "build:sanitized" => %w[native:asan:build native:tsan:build fuzz:build] do
  %w[address thread].each do |sanitizer|
    sh({"HYPERION_SANITIZE" => sanitizer}, "bundle", "exec", "rake", "build:extension", verbose: false)
  end
end

task "build:extension" => "#{folder}/hyperion_http.#{RbConfig::CONFIG["DLEXT"]}"
