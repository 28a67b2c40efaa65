# frozen_string_literal: true

# Writes the Makefile of hyperion_http.so: every source below this folder, as C++20. Run by `gem install` and by
# `rake compile`. Environment: CXX; HYPERION_SANITIZE=address|thread, HYPERION_DEBUG=1 (assertions, full debug
# information), HYPERION_WARNINGS_AS_ERRORS=1, HYPERION_LIBURING=0 (as if it were not installed).

require "mkmf"

unless RbConfig::CONFIG["host_os"].include?("linux")
  abort "hyperion-rb needs Linux (its event loop is epoll); this is #{RbConfig::CONFIG["host_os"]}."
end

compiler = [ENV.fetch("CXX", ""), RbConfig::CONFIG["CXX"]].find { |name| !name.to_s.empty? }.to_s
RbConfig::MAKEFILE_CONFIG["CXX"] = RbConfig::CONFIG["CXX"] = compiler
advice = "hyperion-rb needs a C++20 compiler: g++ 11 or clang++ 14 or newer (Debian and Ubuntu: apt-get install g++)."
abort "#{advice} CXX is '#{compiler}', which is not there." unless compiler[/\S+/] && find_executable(compiler[/\S+/])

# Not vptr (the C++ tests have it): at the first virtual call of each kind UBSan looks at the object through a pipe, and
# takes it for a wrong one where no descriptor is left, which is what some specs are about.
SANITIZERS = {
  "address" => "-fsanitize=address,undefined -fno-sanitize=vptr -fno-omit-frame-pointer",
  "thread" => "-fsanitize=thread -fno-omit-frame-pointer"
}.freeze
sanitizer = ENV.fetch("HYPERION_SANITIZE", "")
unless sanitizer.empty? || SANITIZERS.key?(sanitizer)
  abort "HYPERION_SANITIZE=#{sanitizer}: expected #{SANITIZERS.keys.join(" or ")}"
end
debug = ENV["HYPERION_DEBUG"] == "1" || !sanitizer.empty?

FOLDERS = %w[base buffer net http http1 serve observe server ruby ruby/rack ruby/classes].freeze
$srcs = ["init.cpp", *FOLDERS.flat_map { |folder| Dir.glob("#{folder}/*.cpp", base: __dir__).sort }]
# Folder paths are kept, so that two sources of one name in different folders do not collide.
$objs = $srcs.map { |source| source.sub(/\.cpp\z/, ".o") }
$INCFLAGS << " -I$(srcdir)"
$cleanfiles.concat(FOLDERS.flat_map { |folder| ["#{folder}/*.o", "#{folder}/*.d"] }, ["*.d"])

$CXXFLAGS << " -std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden"
# Level 1 is what a backtrace needs (functions and lines) at a third of the size.
$CXXFLAGS << (debug ? " -g -O1 -DHYPERION_ASSERTIONS" : " -g1 -O2")
$CXXFLAGS << " -Wall -Werror" if ENV["HYPERION_WARNINGS_AS_ERRORS"] == "1"
# Without it every instantiation of the C++ library's templates is exported: they are declared with default visibility.
$DLDFLAGS << " -Wl,--version-script=$(srcdir)/exports.map"
unless sanitizer.empty?
  $CXXFLAGS << " #{SANITIZERS.fetch(sanitizer)}"
  $DLDFLAGS << " #{SANITIZERS.fetch(sanitizer)}"
end

cxx = MakeMakefile["C++"]
modern = checking_for("C++20 (#{compiler})") do
  cxx.try_compile("#include <concepts>\n#include <span>\n#include <stop_token>\n#include <thread>\n" \
                  "consteval int two() { return 2; }\n" \
                  "int main() { std::jthread one; return static_cast<int>(std::span<int>{}.size()) + two(); }")
end
abort "#{advice} '#{compiler}' is too old; mkmf.log has its messages." unless modern
abort "hyperion-rb needs <sys/epoll.h>; mkmf.log tells what the compiler said." unless have_header("sys/epoll.h")
wide = "#include <atomic>\nint main() { std::atomic<unsigned long long> n{1}; return static_cast<int>(n.exchange(0)); }"
$LIBS << " -latomic" unless cxx.try_link(wide)

# Optional: an event loop that the kernel may refuse at run time anyway. Tried as C++, for most of it is inline.
liburing = checking_for("liburing 2.3 or newer") do
  next if ENV["HYPERION_LIBURING"] == "0"

  cxx.try_link(<<~SOURCE, "-luring")
    #include <liburing.h>
    int main() {
      io_uring ring{};
      io_uring_prep_recv_multishot(nullptr, 0, nullptr, 0, 0);
      return io_uring_submit_and_get_events(&ring);
    }
  SOURCE
end
if liburing
  $CXXFLAGS << " -DHYPERION_LIBURING"
  $LIBS << " -luring"
else
  message("hyperion-rb: without io_uring, which needs liburing 2.3 (Debian and Ubuntu: apt-get install liburing-dev)\n")
end

message("hyperion-rb: event loop epoll%s, compiler %s%s%s\n", liburing ? " or io_uring" : "", compiler,
        debug ? ", with assertions" : "", sanitizer.empty? ? "" : ", #{sanitizer} sanitizer")

# GCC takes what stands beside a header under its name and ".gch" in its place, where the switches are the same.
gcc = `#{compiler} --version 2>&1`.match?(/Free Software Foundation/)
precompiled = <<~MAKE
  $(OBJS): precompiled.hpp.gch
  precompiled.hpp.gch: $(srcdir)/precompiled.hpp Makefile
  \t$(Q) $(CXX) $(INCFLAGS) $(CPPFLAGS) $(filter-out -include precompiled.hpp,$(CXXFLAGS)) -x c++-header -o $@ $<
  CXXFLAGS += -include precompiled.hpp
MAKE
$cleanfiles << "*.gch"

create_makefile("hyperion/hyperion_http") do |makefile|
  # mkmf tracks only the headers beside this file; -MMD writes what each object really includes.
  makefile << <<~MAKE

    .DEFAULT_GOAL := all
    CXXFLAGS += -MMD -MP
    $(OBJS): | folders
    .PHONY: folders
    folders:
    \t@mkdir -p #{FOLDERS.join(" ")}
    -include $(OBJS:.o=.d)
  MAKE
  makefile << precompiled if gcc
end
