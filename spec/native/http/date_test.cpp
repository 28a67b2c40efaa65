// http::DateCache: RFC 9110 section 5.6.7, IMF-fixdate.
#include "http/date.hpp"

#include <doctest/doctest.h>

using hyperion::http::DateCache;

TEST_CASE("date: known moments") {
  DateCache cache;
  CHECK(cache.at(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(cache.at(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(cache.at(951782400) == "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK(cache.at(1709251199) == "Thu, 29 Feb 2024 23:59:59 GMT");
  CHECK(cache.at(4107542400) == "Mon, 01 Mar 2100 00:00:00 GMT");
  CHECK(cache.at(253402300799) == "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST_CASE("date: every day of the week and month, always 29 bytes") {
  DateCache cache;
  for (int64_t day = 0; day < 366; ++day) CHECK(cache.at(day * 86400).size() == 29);
  CHECK(cache.at(1735689600) == "Wed, 01 Jan 2025 00:00:00 GMT");
  CHECK(cache.at(1738368000 + 3600 * 9) == "Sat, 01 Feb 2025 09:00:00 GMT");
  CHECK(cache.at(1748736000) == "Sun, 01 Jun 2025 00:00:00 GMT");
  CHECK(cache.at(1764547199) == "Sun, 30 Nov 2025 23:59:59 GMT");
}

TEST_CASE("date: it changes with the second, and back") {
  DateCache cache;
  CHECK(cache.at(1000) == "Thu, 01 Jan 1970 00:16:40 GMT");
  CHECK(cache.at(1000) == "Thu, 01 Jan 1970 00:16:40 GMT");
  CHECK(cache.at(1001) == "Thu, 01 Jan 1970 00:16:41 GMT");
  CHECK(cache.at(1000) == "Thu, 01 Jan 1970 00:16:40 GMT");
}
