// Assertions about our own code: on in tests, fuzzing and sanitizer builds, absent from a user's build.
// A peer's fault is never an assertion; it is a base::Error.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace hyperion::base {

[[noreturn]] inline void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: hyperion assertion failed: %s\n", file, line, what);
  std::abort();
}

}  // namespace hyperion::base

#ifdef HYPERION_ASSERTIONS
#define HYPERION_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::hyperion::base::assertion_failed(#condition, __FILE__, __LINE__))
#else
#define HYPERION_ASSERT(condition) static_cast<void>(sizeof(!(condition)))
#endif
