# frozen_string_literal: true

# compile_commands.json at the top, for clangd and other editors: the native core and its tests as CMake builds them,
# the boundary as this Ruby's extension is built.

require "json"
require_relative "toolbox"

desc "Write compile_commands.json for editors"
task :compile_commands do
  Toolbox.configure("tmp/native")
  commands = JSON.parse(File.read("tmp/native/compile_commands.json"))
  configuration = RbConfig::CONFIG
  flags = configuration.values_at("rubyarchhdrdir", "rubyhdrdir").map { |folder| "-I#{folder}" }
  flags += ["-I#{File.expand_path("ext/hyperion_http")}", "-std=c++20", "-fPIC", "-fvisibility=hidden", "-Wall"]
  FileList["ext/hyperion_http/init.cpp", "ext/hyperion_http/ruby/**/*.cpp"].each do |source|
    commands << {directory: Dir.pwd, file: File.expand_path(source), arguments: ["c++", *flags, "-c", source]}
  end
  File.write("compile_commands.json", "#{JSON.pretty_generate(commands)}\n")
  puts "compile_commands.json: #{commands.size} files"
end
