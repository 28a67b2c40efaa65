// EventLoop: waiting, deadlines, wakeups.
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "net/event_loop_group.hpp"

namespace hyperion::test {

using std::chrono::milliseconds;

TEST_CASE_TEMPLATE("loop: a deadline in the past does not wait", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  const base::Instant begin = base::now();
  for (int i = 0; i < 100; ++i) {
    rig->run_once(base::Instant::min(), rig);
    rig->run_once(begin, rig);
    rig->run_once(begin - milliseconds{1000}, rig);
  }
  CHECK(since(begin) < milliseconds{2000});
  CHECK(rig.events.empty());
}

TEST_CASE_TEMPLATE("loop: a deadline ends the wait, and never early", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  for (const int micros : {100, 1500, 20'000}) {
    const base::Instant deadline = base::now() + std::chrono::microseconds{micros};
    rig->run_once(deadline, rig);
    CHECK(base::now() >= deadline);
    CHECK(since(deadline) < milliseconds{2000});
  }
}

TEST_CASE_TEMPLATE("loop: idle tells whether anything would be delivered at once", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  Pair pair = make_pair(Family::tcp);
  rig.settle();
  CHECK(rig->idle());
  const net::Handle handle = rig.add(std::move(pair.ours));
  rig.settle();
  CHECK(rig->idle());
  rig->close(handle);
  if (!rig->idle()) {
    // Then it must not wait.
    rig->run_once(base::Instant::max(), rig);
    CHECK(rig.closed(handle));
  }
  REQUIRE(rig.until([&] { return rig.closed(handle); }));
  rig.settle();
  CHECK(rig->idle());
}

TEST_CASE_TEMPLATE("loop: a loop that is not idle delivers without waiting", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    REQUIRE(::send(pair.peer.get(), "x", 1, 0) == 1);
    const net::Handle handle = rig.add(std::move(pair.ours));
    rig.settle();
    rig->start_receive(handle);
    // Whether it is told as `not idle` or found by the wait: it comes.
    while (rig.events.empty()) rig->run_once(base::Instant::max(), rig);
    CHECK(rig.received(handle) == "x");
  }
}

TEST_CASE_TEMPLATE("loop: a wakeup before the wait ends it", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  for (int i = 0; i < 3; ++i) {
    for (int rings = 0; rings <= i * 1000; ++rings) rig->wakeup().ring();
    rig->run_once(base::Instant::max(), rig);  // would wait for ever
  }
  // Many rings are one: the next wait lasts.
  const base::Instant deadline = base::now() + milliseconds{20};
  int turns = 0;
  while (base::now() < deadline) {
    rig->run_once(deadline, rig);
    ++turns;
  }
  CHECK(turns <= 3);
  CHECK(rig.events.empty());
}

TEST_CASE_TEMPLATE("loop: a wakeup from another thread ends the wait", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  constexpr int kRounds = 2000;
  std::atomic<int> asked{0};
  std::atomic<int> seen{0};
  std::thread ringer{[&] {
    for (int i = 1; i <= kRounds; ++i) {
      asked.store(i);
      rig->wakeup().ring();
      // Sometimes before the loop waits, sometimes while it does.
      while (i % 3 != 0 && seen.load() < i) {
      }
    }
  }};
  while (seen.load() < kRounds) {
    rig->run_once(base::Instant::max(), rig);
    seen.store(asked.load());
  }
  ringer.join();
  CHECK(seen.load() == kRounds);
}

TEST_CASE_TEMPLATE("loop: a far deadline does not overflow", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  std::thread ringer{[&] {
    std::this_thread::sleep_for(milliseconds{5});
    rig->wakeup().ring();
  }};
  const base::Instant begin = base::now();
  rig->run_once(base::now() + std::chrono::hours{24 * 365 * 100}, rig);
  CHECK(since(begin) < milliseconds{20'000});
  ringer.join();
  rig->wakeup().ring();
  rig->run_once(base::Instant::max() - milliseconds{1}, rig);
}

}  // namespace hyperion::test
