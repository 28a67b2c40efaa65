# frozen_string_literal: true

# What can be said about the sources without running them. Each tool's rules stand in its file at the top.

require "digest"
require "open3"
require_relative "toolbox"

desc "All linters"
task lint: %w[lint:ruby lint:shell lint:format lint:tidy]

namespace :lint do
  cpp = FileList["ext/**/*.{cpp,hpp}", "spec/native/**/*.{cpp,hpp}", "spec/fuzz/**/*.{cpp,hpp}", "bench/**/*.{cpp,hpp}"]

  desc "RuboCop"
  task :ruby do
    sh("bundle", "exec", "rubocop", "--format", "quiet", *(["--parallel"] if Toolbox.jobs > 1))
  end

  desc "ShellCheck"
  task :shell do
    sh("shellcheck", "--external-sources", *FileList["bin/*", ".ci/*", "bench/**/*.sh"])
  end

  desc "clang-format: the layout of the C++ sources; FIX=1 writes it"
  task :format do
    tool = Toolbox.clang("clang-format")
    if Toolbox.clang_version(tool) == Toolbox::CLANG_TOOLS
      sh(tool, *(ENV["FIX"] == "1" ? ["-i"] : %w[--dry-run -Werror]), *cpp, verbose: false)
    else
      puts "lint:format skipped: #{tool} is not version #{Toolbox::CLANG_TOOLS}, which defines the layout"
    end
  end

  # A source and everything of ours that it includes, followed by name.
  def with_includes(source, root, seen = {})
    return seen if seen.key?(source)

    seen[source] = File.read(source)
    seen[source].scan(/^#include "([^"]+)"/).flatten.each do |name|
      with_includes("#{root}/#{name}", root, seen) if File.exist?("#{root}/#{name}")
    end
    seen
  end

  desc "clang-tidy over the native core; files that have not changed since they passed are skipped"
  task :tidy do
    tool = Toolbox.clang("clang-tidy")
    next puts("lint:tidy skipped: #{tool} is not version 14") unless Toolbox.clang_version(tool) == Toolbox::CLANG_TOOLS

    Toolbox.configure("tmp/tidy", compiler: Toolbox.clang("clang++", package: "clang"), HYPERION_PRECOMPILED: "OFF")
    mkdir_p("tmp/tidy/passed", verbose: false)
    rules = File.read(".clang-tidy") + `#{tool} --version`
    waiting = FileList["ext/hyperion_http/**/*.cpp"].exclude(%r{/ruby/}, %r{/init\.cpp}).filter_map do |source|
      contents = with_includes(source, "ext/hyperion_http").values.join
      passed = "tmp/tidy/passed/#{Digest::SHA256.hexdigest(rules + contents)}"
      [source, passed] unless File.exist?(passed)
    end
    queue = Queue.new(waiting).close
    failed = Queue.new
    Array.new(Toolbox.jobs) do
      Thread.new do
        while (source, passed = queue.pop)
          output, status = Open3.capture2e(tool, "--quiet", "-p", "tmp/tidy", source)
          next File.write(passed, "") if status.success?

          failed << source
          puts output.gsub(/^\d+ warnings.*\n/, "")
        end
      end
    end.each(&:join)
    abort "clang-tidy: findings in #{Array.new(failed.size) { failed.pop }.join(" ")}" unless failed.empty?
    puts "clang-tidy: #{waiting.size} files checked, no findings"
  end
end
