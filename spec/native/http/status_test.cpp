// The table of status codes.
#include "http/status.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace hyperion::http;

TEST_CASE("status: a phrase is words, or nothing") {
  std::set<std::string_view> seen;
  for (int status = -1; status < 1100; ++status) {
    const std::string_view phrase = reason_phrase(status);
    for (char c : phrase) CHECK((c >= ' ' && c < 0x7f));
    if (phrase.empty()) continue;
    CHECK((status >= 100 && status < 600));
    CHECK(seen.insert(phrase).second);
  }
}

TEST_CASE("status: those that the server itself sends have a phrase") {
  for (const int status : {100, 101, 103, 200, 304, 400, 408, 413, 414, 417, 431, 500, 501, 503, 505}) {
    CAPTURE(status);
    CHECK_FALSE(reason_phrase(status).empty());
  }
}

TEST_CASE("status: which have no content, and no content-length") {
  for (int status = 100; status < 600; ++status) {
    CAPTURE(status);
    CHECK(forbids_body(status) == (status < 200 || status == 204 || status == 304));
    CHECK(forbids_content_length(status) == (status < 200 || status == 204));
  }
}
