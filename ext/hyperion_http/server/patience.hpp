// Whether the one who stands by (server/app_queue) asks for the lock at once, or waits for evidence that the others are
// blocked. At once is right where requests wait for something; with many short system calls it makes all threads fight
// for the lock. So it is patient when threads are seen to fight, for as long as they keep the lock busy nevertheless;
// otherwise the fight was worth it, and for some time there is no further trial.
//
// Knows no clock and no threads: it is told. Guarded by the lock, except `wanted`.
#pragma once

#include <atomic>

#include "base/clock.hpp"

namespace hyperion::server {

class Patience {
 public:
  // From any thread.
  bool wanted() const noexcept { return wanted_.load(std::memory_order_relaxed); }
  // Threads fight for the lock.
  void crowd(base::Instant now) noexcept;
  // Whether `look` has something to do.
  bool due(base::Instant now) const noexcept { return wanted() && now >= due_; }
  // `used`: the processor time of the app threads up to now.
  void look(base::Instant now, base::Duration used) noexcept;
  // There was nothing to do for a moment: what is being measured would say nothing.
  void pause() noexcept { began_ = {}; }

 private:
  std::atomic<bool> wanted_{false};
  int idle_ = 0;  // looks in a row
  base::Instant due_{};
  base::Instant since_{};  // it has been patient
  base::Instant began_{};  // what is being measured; the epoch: nothing
  base::Duration used_{};  // up to then
  base::Instant last_{};   // the last measurement was complete
  base::Instant denied_until_{};
  base::Duration denial_{};
};

}  // namespace hyperion::server
