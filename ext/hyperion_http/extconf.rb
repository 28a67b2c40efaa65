# frozen_string_literal: true

# Builds hyperion_http.so: every source below this folder, as C++20. Optional libraries narrow the features when they
# are missing, and say so. HYPERION_SANITIZE=address|thread builds with that sanitizer, HYPERION_DEBUG=1 with assertions.

require "mkmf"
require "rbconfig"

unless RbConfig::CONFIG["host_os"].match?(/linux/)
  abort "hyperion-rb needs Linux (epoll); this is #{RbConfig::CONFIG["host_os"]}."
end

# mkmf only knows C tests; C++ is asked with the compiler that will build the sources.
CXX = RbConfig::CONFIG["CXX"]
abort "hyperion-rb needs a C++20 compiler (apt-get install g++)." unless CXX && find_executable(CXX.split.first)

SANITIZERS = {
  "address" => "-fsanitize=address,undefined -fno-omit-frame-pointer",
  "thread" => "-fsanitize=thread -fno-omit-frame-pointer"
}.freeze
sanitizer = ENV.fetch("HYPERION_SANITIZE", "")
unless sanitizer.empty? || SANITIZERS.key?(sanitizer)
  abort "HYPERION_SANITIZE=#{sanitizer}: expected #{SANITIZERS.keys.join(" or ")}"
end
debug = ENV["HYPERION_DEBUG"] == "1" || !sanitizer.empty?

FOLDERS = %w[base buffer net http http1 serve observe server ruby ruby/rack ruby/classes].freeze
sources = FOLDERS.flat_map { |folder| Dir.glob("#{folder}/*.cpp", base: __dir__).sort }

$srcs = ["init.cpp", *sources]
# Folder paths are kept, so that two sources of one name in different folders do not collide.
$objs = $srcs.map { |source| source.sub(/\.cpp\z/, ".o") }
$VPATH.concat(FOLDERS.map { |folder| "$(srcdir)/#{folder}" }) if $VPATH
$INCFLAGS << " -I$(srcdir)"
$CXXFLAGS << " -std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden -MMD -MP"
$CXXFLAGS << " -g -O#{debug ? 1 : 2}"
$CXXFLAGS << " -DHYPERION_ASSERTIONS" if debug
$CXXFLAGS << " -Werror" if ENV["HYPERION_WARNINGS_AS_ERRORS"] == "1"
unless sanitizer.empty?
  $CXXFLAGS << " #{SANITIZERS.fetch(sanitizer)}"
  $LDFLAGS << " #{SANITIZERS.fetch(sanitizer)}"
end
$cleanfiles.concat(FOLDERS.flat_map { |folder| ["#{folder}/*.o", "#{folder}/*.d"] })

create_makefile("hyperion/hyperion_http") do |makefile|
  makefile << <<~MAKE

    .DEFAULT_GOAL := all
    FOLDERS = #{FOLDERS.join(" ")}
    $(OBJS): | folders
    .PHONY: folders
    folders:
    \t@mkdir -p $(FOLDERS)
    -include $(OBJS:.o=.d)
  MAKE
end
