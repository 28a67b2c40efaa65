// Monotonic and wall time. Time-dependent code takes an Instant as an argument, so that tests decide what time it is.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace hyperion::base {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

inline Instant now() noexcept { return std::chrono::steady_clock::now(); }

// Whole seconds since the epoch, for the Date field and the log. Costs a vDSO call.
inline int64_t wall_seconds() noexcept {
  timespec ts{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &ts);
  return ts.tv_sec;
}

// Microseconds since the epoch, for log lines.
inline int64_t wall_micros() noexcept {
  timespec ts{};
  ::clock_gettime(CLOCK_REALTIME, &ts);
  return static_cast<int64_t>(ts.tv_sec) * 1'000'000 + ts.tv_nsec / 1000;
}

}  // namespace hyperion::base
