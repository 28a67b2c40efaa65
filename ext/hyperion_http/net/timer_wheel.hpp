// Time-outs of one I/O thread: a hierarchical wheel of four levels of 64 slots, ticks of about one millisecond.
// Arming, moving and cancelling are O(1). A timer never fires early, and at most one tick late once advance is called.
//
//   level 0: 64 ticks (~67 ms) | 1: ~4.3 s | 2: ~4.6 min | 3: ~4.9 h; what lies beyond waits in level 3's last slot
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

namespace hyperion::net {

class TimerWheel;

// Embedded in what it times; destroying it cancels it. The I/O thread's alone.
class Timer {
 public:
  Timer() noexcept = default;
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  bool armed() const noexcept { return wheel_ != nullptr; }
  base::Instant deadline() const noexcept { return deadline_; }
  void cancel() noexcept;

 private:
  friend class TimerWheel;

  TimerWheel* wheel_ = nullptr;
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  base::Instant deadline_{};
  uint16_t slot_ = 0;
};

class TimerWheel {
 public:
  explicit TimerWheel(base::Instant start) noexcept;
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Sets or moves `timer`. A deadline in the past fires at the next advance.
  void arm(Timer& timer, base::Instant deadline) noexcept;
  bool empty() const noexcept { return count_ == 0; }
  // No timer fires before this time; Instant::max() when none is armed.
  base::Instant next_deadline() const noexcept;

  // Fires what is due at `now`, in no promised order: calls fire(Timer&) after disarming it. `fire` may arm and cancel
  // any timer, the fired one too.
  template <class Fire>
  void advance(base::Instant now, Fire&& fire) {
    const uint64_t target = tick_of(now);
    while (current_ < target) {
      if (count_ == 0) {
        current_ = target;
        break;
      }
      step(target);
      while (Timer* timer = take_due()) fire(*timer);
    }
  }

 private:
  friend class Timer;

  static constexpr unsigned kLevels = 4;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;
  static constexpr unsigned kTickBits = 20;  // 2^20 ns
  static constexpr uint16_t kDue = kLevels * kSlots;

  uint64_t tick_of(base::Instant at) const noexcept;
  uint64_t due_tick(base::Instant deadline) const noexcept;
  void insert(Timer& timer) noexcept;
  void link(Timer& timer, unsigned slot) noexcept;
  void unlink(Timer& timer) noexcept;
  void step(uint64_t target) noexcept;
  void cascade(unsigned level) noexcept;
  Timer* take_due() noexcept;

  base::Instant start_;
  uint64_t current_ = 0;
  size_t count_ = 0;
  std::array<uint64_t, kLevels> occupied_{};
  // One list a slot, and the list of what is due now.
  std::array<Timer*, kLevels * kSlots + 1> lists_{};
};

}  // namespace hyperion::net
