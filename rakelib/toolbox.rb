# frozen_string_literal: true

require "etc"

# What several tasks need: which tools this machine has, and CMake builds of the native core below tmp/.
module Toolbox
  # The version that defines this project's formatting and whose checks are errors; others differ in details.
  CLANG_TOOLS = 14

  module_function

  # @return [String, nil] the first of `names` that is an executable on the path
  def find(*names)
    folders = ENV.fetch("PATH", "").split(File::PATH_SEPARATOR)
    names.find { |name| folders.any? { |folder| File.executable?(File.join(folder, name)) } }
  end

  # @return [String] a clang tool, with or without a version in its name; ends the task when there is none
  def clang(tool, package: tool)
    find(tool, "#{tool}-#{CLANG_TOOLS}", *(15..22).map { |number| "#{tool}-#{number}" }) ||
      abort("#{tool} is missing (apt-get install #{package}).")
  end

  # @return [Integer] the major version of a clang tool
  def clang_version(tool)
    `#{tool} --version`[/version (\d+)/, 1].to_i
  end

  def jobs
    Integer(ENV.fetch("JOBS", Etc.nprocessors))
  end

  # Configures a build of the native core.
  # @param folder [String] where, below tmp/
  # @param options [Hash{Symbol => String}] cache entries for CMake
  def configure(folder, compiler: nil, **options)
    options = options.merge(CMAKE_CXX_COMPILER: compiler) if compiler
    entries = options.map { |name, value| "-D#{name}=#{value}" }
    sh("cmake", "-S", "spec/native", "-B", folder, "-G", "Ninja", *entries, out: File::NULL)
  end

  # Builds it; ninja itself configures anew what was configured before.
  def build(folder, targets: [], **options)
    configure(folder, **options) unless File.exist?("#{folder}/build.ninja")
    sh("ninja", "-C", folder, "-j", jobs.to_s, "--quiet", *targets)
  end

  def sh(...)
    Rake::FileUtilsExt.sh(...)
  end
end
