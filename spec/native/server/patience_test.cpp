#include "server/patience.hpp"

#include <doctest/doctest.h>

namespace hyperion::test {
namespace {

using namespace std::chrono_literals;
using server::Patience;

// Time passes, and the app threads compute for a part of it.
struct Rig {
  void pass(base::Duration time, int percent) {
    for (base::Duration left = time; left > 0ms; left -= 1ms) {
      now += 1ms;
      used += base::Duration{1ms} * percent / 100;
      if (patience.due(now)) patience.look(now, used);
    }
  }

  Patience patience;
  base::Instant now = base::Instant{} + 1h;
  base::Duration used{};
};

}  // namespace

TEST_CASE("patience: there is none until threads fight, and it lasts while the lock is busy") {
  Rig rig;
  rig.pass(1s, 100);
  CHECK_FALSE(rig.patience.wanted());
  rig.patience.crowd(rig.now);
  CHECK(rig.patience.wanted());
  rig.pass(60s, 95);
  CHECK(rig.patience.wanted());
  // A moment is not enough: the machine may have had something else to do.
  rig.pass(20ms, 50);
  rig.pass(40ms, 95);
  rig.pass(20ms, 50);
  CHECK(rig.patience.wanted());
  rig.pass(100ms, 50);
  CHECK_FALSE(rig.patience.wanted());
}

TEST_CASE("patience: an idle lock ends it, and puts off the next trial, each time for longer") {
  Rig rig;
  for (const base::Duration denied : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    rig.patience.crowd(rig.now);
    REQUIRE(rig.patience.wanted());
    rig.pass(100ms, 80);
    REQUIRE_FALSE(rig.patience.wanted());
    rig.pass(denied - 100ms, 100);
    rig.patience.crowd(rig.now);
    REQUIRE_FALSE(rig.patience.wanted());
    rig.pass(100ms, 100);
  }
  SUBCASE("until one lasts") {
    rig.patience.crowd(rig.now);
    rig.pass(2s, 100);
    rig.pass(100ms, 0);
    REQUIRE_FALSE(rig.patience.wanted());
    rig.pass(1s, 100);
    rig.patience.crowd(rig.now);
    CHECK(rig.patience.wanted());
  }
}

TEST_CASE("patience: the lock that is idle because there is nothing to do says nothing") {
  Rig rig;
  rig.patience.crowd(rig.now);
  for (int i = 0; i < 50; ++i) {
    rig.pass(10ms, 10);
    rig.patience.pause();
  }
  CHECK(rig.patience.wanted());
  SUBCASE("and after a while it ends by itself") {
    for (int i = 0; i < 60; ++i) {
      rig.pass(10ms, 10);
      rig.patience.pause();
    }
    CHECK_FALSE(rig.patience.wanted());
    // That was no trial.
    rig.patience.crowd(rig.now);
    CHECK(rig.patience.wanted());
  }
  SUBCASE("and what is measured begins anew") {
    rig.pass(100ms, 100);
    CHECK(rig.patience.wanted());
    rig.pass(100ms, 10);
    CHECK_FALSE(rig.patience.wanted());
  }
}

}  // namespace hyperion::test
