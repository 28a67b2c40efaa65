# frozen_string_literal: true

# Builds bench/micro/env_builder/env_builder.cpp with the sources of the Ruby boundary and of the core, and runs it.
# Usage: ruby bench/micro/env_builder.rb [rounds]

require "fileutils"
require "rbconfig"
require "shellwords"

root = File.expand_path("../..", __dir__)
sources = File.join(root, "ext/hyperion_http")
folder = File.join(root, "tmp/micro")
library = File.join(folder, "env_builder.so")
files = Dir[File.join(sources, "{base,buffer,http,http1,net}/*.cpp"), File.join(sources, "ruby/{*,rack/*}.cpp")]
        .reject { |file| file.end_with?("rack/dispatch.cpp") } + [File.join(__dir__, "env_builder/env_builder.cpp")]
config = RbConfig::CONFIG

unless File.exist?(library) && (files + [__FILE__]).all? { |file| File.mtime(file) < File.mtime(library) }
  FileUtils.mkdir_p(folder)
  command = [*config["CXX"].split, "-std=c++20", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread",
             "-I#{sources}", "-I#{config["rubyhdrdir"]}", "-I#{config["rubyarchhdrdir"]}", *files, "-o", library]
  system(*command) || abort("failed: #{command.shelljoin}")
end

require library
puts "#{RUBY_DESCRIPTION}, median of 7"
Hyperion.measure_env(Integer(ARGV.fetch(0, 100_000)))
