// Seconds of processor time that this thread has used: a bound on work that a busy machine does not break.
#pragma once

#include <time.h>

namespace hyperion::test {

inline double cpu_seconds() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace hyperion::test
