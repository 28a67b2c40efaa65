#include "observe/request_start.hpp"

#include <doctest/doctest.h>

namespace hyperion::observe {

TEST_CASE("X-Request-Start comes in seconds, milli-, micro- and nanoseconds") {
  CHECK(parse_request_start("t=1700000000.123") == 1'700'000'000'123'000);
  CHECK(parse_request_start("1700000000.123456") == 1'700'000'000'123'456);
  CHECK(parse_request_start("1700000000.123456789") == 1'700'000'000'123'456);
  CHECK(parse_request_start(" 1700000000 ") == 1'700'000'000'000'000);
  CHECK(parse_request_start("t=1700000000123") == 1'700'000'000'123'000);
  CHECK(parse_request_start("1700000000123.5") == 1'700'000'000'123'500);
  CHECK(parse_request_start("t=1700000000123456") == 1'700'000'000'123'456);
  CHECK(parse_request_start("1700000000123456789") == 1'700'000'000'123'456);
}

TEST_CASE("X-Request-Start that is nonsense says nothing") {
  for (const std::string_view text :
       {"", "t=", "t=now", "-1700000000", "+1700000000", "1.7e9", "1700000000.", "1700000000.1x", ".5", "17000000000",
        "170000000", "99999999999999999999", "170000000012345678901234567890", "0x6553f100", "t=t=1700000000", "NaN",
        "1700000000,123", "1700000000\n"}) {
    CHECK_FALSE(parse_request_start(text).has_value());
  }
}

TEST_CASE("queued_since: what cannot be is not believed") {
  constexpr int64_t kNow = 1'700'000'000'000'000;
  using std::chrono::milliseconds;
  CHECK(queued_since("t=1699999999.900", kNow) == milliseconds{100});
  CHECK(queued_since("t=1700000000", kNow) == milliseconds{0});
  // The proxy's clock is a little ahead.
  CHECK(queued_since("t=1700000000.500", kNow) == milliseconds{0});
  CHECK_FALSE(queued_since("t=1700000002", kNow).has_value());
  CHECK(queued_since("t=1699999400", kNow) == std::chrono::minutes{10});
  CHECK_FALSE(queued_since("t=1699999399", kNow).has_value());
  CHECK_FALSE(queued_since("t=1000000000", kNow).has_value());
  CHECK_FALSE(queued_since("t=9999999999", kNow).has_value());
}

}  // namespace hyperion::observe
