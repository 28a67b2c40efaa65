// How a client takes what waits for it: nothing for too long, or too little over time. Only times while something waits
// are looked at, so what the application produces slowly is not the client's fault. Counted is what the client has
// confirmed: what lies in the kernel's buffer is not taken. Knows no clock: the connection tells it what time it is.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "http/limits.hpp"

namespace hyperion::server {

class ReaderPace {
 public:
  explicit ReaderPace(const http::Limits& limits) noexcept : limits_(limits) {}

  // `confirmed`: bytes that the client has confirmed since the connection began.
  bool measuring() const noexcept { return measuring_; }
  void begin(base::Instant now, uint64_t confirmed) noexcept;
  // Nothing waits any more.
  void end() noexcept { measuring_ = false; }
  // write_timeout, write_too_slow or none. `starved`: the kernel has nothing left to send.
  base::Error look(base::Instant now, uint64_t confirmed, bool starved) noexcept;
  // When to look; `waiting_since`: the last time that the kernel took something.
  base::Instant next_look(base::Instant waiting_since) const noexcept;

 private:
  // A stall is noticed a quarter of the time-out late at most.
  static constexpr int kLooks = 4;

  // A rate is judged over so long.
  base::Duration window() const noexcept {
    return std::max<base::Duration>(limits_.write_timeout, std::chrono::seconds{1});
  }
  base::Duration interval() const noexcept;

  const http::Limits& limits_;
  bool measuring_ = false;
  base::Instant progress_{};  // the client was seen to have taken something
  base::Instant looked_{};
  base::Instant window_began_{};
  uint64_t window_confirmed_ = 0;
  uint64_t confirmed_ = 0;
};

}  // namespace hyperion::server
