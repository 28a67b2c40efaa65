// Tests wait for conditions, never for times.
#pragma once

#include <chrono>
#include <thread>

#include "base/clock.hpp"

namespace hyperion::test {

// The most that anything in a test may take before it counts as hanging.
inline constexpr base::Duration kPatience = std::chrono::seconds{30};

// Asks until the answer is yes; false when that took too long.
template <class Condition>
bool eventually(Condition&& condition, base::Duration patience = kPatience) {
  const base::Instant end = base::now() + patience;
  while (!condition()) {
    if (base::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

inline base::Duration since(base::Instant begin) { return base::now() - begin; }

}  // namespace hyperion::test
