// TimerWheel, with a clock that the tests turn.
#include "net/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "support/random.hpp"

namespace hyperion::test {
namespace {

using base::Duration;
using base::Instant;
using net::Timer;
using net::TimerWheel;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// As the header says: 2^20 ns.
constexpr Duration kTick{1 << 20};
const Instant kStart = Instant{} + hours{1};

struct Noted : Timer {
  size_t id = 0;
  int fired = 0;
};

// Advances and counts what fires.
size_t advance(TimerWheel& wheel, Instant now) {
  size_t count = 0;
  wheel.advance(now, [&](Timer& timer) {
    CHECK(timer.deadline() <= now);
    CHECK_FALSE(timer.armed());
    ++static_cast<Noted&>(timer).fired;
    ++count;
  });
  return count;
}

}  // namespace

TEST_CASE("timer wheel: a timer fires never early, and at most one tick late") {
  // Around every boundary of the levels, and beyond the last.
  std::vector<int64_t> ticks;
  for (int64_t base : {int64_t{1}, int64_t{64}, int64_t{64} * 64, int64_t{64} * 64 * 64, int64_t{1} << 24}) {
    for (int64_t off : {-2, -1, 0, 1, 2, 63, 65}) {
      if (base + off >= 0) ticks.push_back(base + off);
    }
    ticks.push_back(base * 3 + 7);
  }
  for (const int64_t begin : {int64_t{0}, int64_t{1}, int64_t{63}, int64_t{64}, int64_t{4095}, int64_t{262143}}) {
    for (const int64_t tick : ticks) {
      for (const int64_t fraction : {int64_t{0}, int64_t{1}, kTick.count() - 1}) {
        TimerWheel wheel{kStart};
        advance(wheel, kStart + begin * kTick);
        Noted timer;
        const Instant deadline = kStart + (begin + tick) * kTick + nanoseconds{fraction};
        wheel.arm(timer, deadline);
        REQUIRE(wheel.next_deadline() <= deadline + kTick);
        CHECK(advance(wheel, deadline - nanoseconds{1}) == 0);
        REQUIRE(advance(wheel, deadline + kTick) == 1);
        CHECK(wheel.empty());
        CHECK(wheel.next_deadline() == Instant::max());
      }
    }
  }
}

TEST_CASE("timer wheel: whoever sleeps until next_deadline fires every timer in time") {
  Random random{1};
  TimerWheel wheel{kStart};
  std::vector<std::unique_ptr<Noted>> timers;
  for (size_t i = 0; i < 300; ++i) {
    timers.push_back(std::make_unique<Noted>());
    // Evenly over the orders of magnitude: nanoseconds to days.
    const uint64_t magnitude = uint64_t{1} << random.between(0, 48);
    wheel.arm(*timers.back(), kStart + nanoseconds{static_cast<int64_t>(random.between(0, magnitude))});
  }
  Instant now = kStart;
  size_t left = timers.size();
  size_t turns = 0;
  while (left > 0) {
    const Instant next = wheel.next_deadline();
    REQUIRE(next >= now);
    now = next;
    wheel.advance(now, [&](Timer& timer) {
      CHECK(timer.deadline() <= now);
      CHECK(now - timer.deadline() <= kTick);
      --left;
    });
    REQUIRE(++turns < 100'000);
  }
  // A sleep that ends for nothing is rare: a few for each level that a timer comes down.
  CHECK(turns < timers.size() * 8);
}

TEST_CASE("timer wheel: a deadline in the past fires at the next tick") {
  TimerWheel wheel{kStart};
  advance(wheel, kStart + 100 * kTick);
  Noted timer;
  wheel.arm(timer, Instant::min());
  CHECK(wheel.next_deadline() <= kStart + 101 * kTick);
  CHECK(advance(wheel, kStart + 101 * kTick) == 1);
  wheel.arm(timer, kStart);
  CHECK(advance(wheel, kStart + 102 * kTick) == 1);
}

TEST_CASE("timer wheel: a timer that never comes due is no trouble") {
  TimerWheel wheel{kStart};
  Noted timer;
  wheel.arm(timer, Instant::max());
  for (int day = 1; day <= 30; ++day) {
    CHECK(advance(wheel, kStart + day * hours{24}) == 0);
    CHECK(wheel.next_deadline() < Instant::max());
  }
  timer.cancel();
  CHECK(wheel.empty());
}

TEST_CASE("timer wheel: a clock that stands still or jumps") {
  TimerWheel wheel{kStart};
  std::vector<Noted> timers(1000);
  for (size_t i = 0; i < timers.size(); ++i) wheel.arm(timers[i], kStart + milliseconds{i * i});
  CHECK(advance(wheel, kStart) == 0);
  CHECK(advance(wheel, kStart - hours{1}) == 0);
  CHECK(advance(wheel, kStart + hours{24 * 365}) == 1000);
  for (const Noted& timer : timers) CHECK(timer.fired == 1);
}

TEST_CASE("timer wheel: timers are moved, cancelled and destroyed") {
  TimerWheel wheel{kStart};
  Noted moved;
  wheel.arm(moved, kStart + seconds{1});
  wheel.arm(moved, kStart + seconds{5});
  CHECK(advance(wheel, kStart + seconds{2}) == 0);
  wheel.arm(moved, kStart + seconds{3});
  CHECK(moved.deadline() == kStart + seconds{3});
  CHECK(advance(wheel, kStart + seconds{4}) == 1);

  Noted cancelled;
  wheel.arm(cancelled, kStart + seconds{5});
  cancelled.cancel();
  cancelled.cancel();
  CHECK_FALSE(cancelled.armed());
  {
    Noted destroyed;
    wheel.arm(destroyed, kStart + seconds{5});
  }
  CHECK(wheel.empty());
  CHECK(advance(wheel, kStart + seconds{10}) == 0);
}

TEST_CASE("timer wheel: a wheel that goes leaves its timers unarmed") {
  Noted timer;
  {
    TimerWheel wheel{kStart};
    wheel.arm(timer, kStart + seconds{1});
  }
  CHECK_FALSE(timer.armed());
  TimerWheel other{kStart};
  other.arm(timer, kStart + seconds{1});
  CHECK(advance(other, kStart + seconds{2}) == 1);
}

TEST_CASE("timer wheel: what fires may arm and cancel any timer") {
  TimerWheel wheel{kStart};
  Noted first;
  Noted second;
  Noted third;
  Noted late;
  // All due in the same tick; whichever fires first cancels the other two and arms a fourth.
  for (Noted* timer : {&first, &second, &third}) wheel.arm(*timer, kStart + seconds{1});
  int fired = 0;
  wheel.advance(kStart + seconds{2}, [&](Timer& timer) {
    ++fired;
    if (&timer == &late) return;
    for (Noted* other : {&first, &second, &third}) other->cancel();
    wheel.arm(late, kStart + milliseconds{1500});
  });
  CHECK(fired == 2);
  CHECK(wheel.empty());

  // A timer that arms itself for the past does not hold up the advance for ever.
  int again = 0;
  wheel.arm(first, kStart + seconds{3});
  wheel.advance(kStart + seconds{3} + 10 * kTick, [&](Timer& timer) {
    ++again;
    wheel.arm(timer, kStart);
  });
  CHECK(again >= 1);
  CHECK(again <= 10);
}

TEST_CASE("timer wheel: random arming, moving and cancelling, against a plain list") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random{seed};
    TimerWheel wheel{kStart};
    struct Wanted {
      Noted timer;
      bool armed = false;
      Instant deadline{};
    };
    std::vector<Wanted> all(64);
    for (size_t i = 0; i < all.size(); ++i) all[i].timer.id = i;
    Instant now = kStart;
    for (int step = 0; step < 3000; ++step) {
      Wanted& one = all[random.between(0, all.size() - 1)];
      if (random.one_in(4)) {
        one.timer.cancel();
        one.armed = false;
      } else {
        const uint64_t span = uint64_t{1} << random.between(10, 45);
        one.deadline = now + nanoseconds{static_cast<int64_t>(random.between(0, span))} - kTick;
        one.armed = true;
        wheel.arm(one.timer, one.deadline);
      }
      if (!random.one_in(3)) continue;
      now += nanoseconds{static_cast<int64_t>(random.between(0, uint64_t{1} << random.between(10, 42)))};
      wheel.advance(now, [&](Timer& timer) {
        Wanted& due = all[static_cast<Noted&>(timer).id];
        REQUIRE(due.armed);
        REQUIRE(due.deadline <= now);
        due.armed = false;
      });
      size_t armed = 0;
      Instant earliest = Instant::max();
      for (const Wanted& each : all) {
        REQUIRE(each.timer.armed() == each.armed);
        if (!each.armed) continue;
        ++armed;
        earliest = std::min(earliest, each.deadline);
        // Armed for the past during this very tick: due at the next one.
        REQUIRE(each.deadline >= now - 2 * kTick);
      }
      REQUIRE(wheel.empty() == (armed == 0));
      if (armed > 0) REQUIRE(wheel.next_deadline() <= std::max(earliest, now) + kTick);
    }
  }
}

}  // namespace hyperion::test
