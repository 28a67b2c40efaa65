// How a client takes its response: with an injected clock.
#include "server/reader_pace.hpp"

#include <doctest/doctest.h>

namespace hyperion::test {
namespace {

using namespace std::chrono_literals;
using base::ErrorCode;
using base::Instant;
using server::ReaderPace;

const Instant kStart = Instant{} + 1h;

http::Limits limits(base::Duration timeout, uint64_t rate) {
  http::Limits limits;
  limits.write_timeout = timeout;
  limits.min_write_rate = rate;
  return limits;
}

}  // namespace

TEST_CASE("reader pace: who takes nothing is noticed at the time-out, whatever lay in the kernel before") {
  const http::Limits strict = limits(20s, 0);
  ReaderPace pace{strict};
  CHECK(pace.next_look(kStart) == kStart + 5s);
  pace.begin(kStart, 1000);
  for (base::Duration at : {5s, 10s, 15s}) {
    CHECK(pace.look(kStart + at, 1000, false) == ErrorCode::none);
    CHECK(pace.next_look(kStart) == kStart + at + 5s);
  }
  CHECK(pace.look(kStart + 20s, 1000, false) == ErrorCode::write_timeout);
}

TEST_CASE("reader pace: a byte now and then is not nothing, but too little where there is a rate") {
  const uint64_t rate = [] {
    uint64_t chosen = 0;
    SUBCASE("no rate") {}
    SUBCASE("a rate") { chosen = 100; }
    return chosen;
  }();
  const http::Limits strict = limits(20s, rate);
  ReaderPace pace{strict};
  pace.begin(kStart, 0);
  base::Error error;
  base::Duration at{0};
  for (uint64_t taken = 1; taken < 100 && !error; ++taken) error = pace.look(kStart + (at += 5s), taken, false);
  CHECK(error.code == (rate == 0 ? ErrorCode::none : ErrorCode::write_too_slow));
  if (rate != 0) CHECK(at == 20s);
}

TEST_CASE("reader pace: a rate is judged over each window by itself: what was taken long ago is no excuse") {
  const http::Limits strict = limits(20s, 100);
  ReaderPace pace{strict};
  pace.begin(kStart, 0);
  CHECK(pace.look(kStart + 20s, 100'000'000, false) == ErrorCode::none);
  CHECK(pace.look(kStart + 40s, 100'002'000, false) == ErrorCode::none);  // 100 a second
  CHECK(pace.look(kStart + 50s, 100'002'001, false) == ErrorCode::none);  // not over yet
  CHECK(pace.look(kStart + 60s, 100'003'999, false) == ErrorCode::write_too_slow);
}

TEST_CASE("reader pace: what nobody could have taken is not the client's fault") {
  const http::Limits strict = limits(20s, 100);
  ReaderPace pace{strict};
  pace.begin(kStart, 500);
  for (int i = 1; i < 20; ++i) CHECK(pace.look(kStart + i * 5s, 500, true) == ErrorCode::none);
  // And a pause of the producer begins everything anew.
  pace.begin(kStart + 100s, 500);
  CHECK(pace.look(kStart + 115s, 500, false) == ErrorCode::none);
  pace.end();
  CHECK_FALSE(pace.measuring());
  pace.begin(kStart + 116s, 600);
  CHECK(pace.look(kStart + 130s, 600, false) == ErrorCode::none);
}

TEST_CASE("reader pace: each limit by itself, and none") {
  const http::Limits none = limits(0s, 0);
  ReaderPace calm{none};
  CHECK(calm.next_look(kStart) == Instant::max());
  calm.begin(kStart, 0);
  CHECK(calm.next_look(kStart) == Instant::max());
  CHECK(calm.look(kStart + 10h, 0, false) == ErrorCode::none);
  const http::Limits rate_only = limits(0s, 100);
  ReaderPace pace{rate_only};
  CHECK(pace.next_look(kStart) == kStart + 250ms);
  pace.begin(kStart, 0);
  CHECK(pace.look(kStart + 1s, 100, false) == ErrorCode::none);
  CHECK(pace.look(kStart + 2s, 199, false) == ErrorCode::write_too_slow);
}

}  // namespace hyperion::test
