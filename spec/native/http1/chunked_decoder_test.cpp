// What the corpus cannot say of the chunked decoder: how much room it is given, what it leaves of the input, and what
// it costs.
#include "http1/chunked_decoder.hpp"

#include <doctest/doctest.h>

#include <string>

#include "cpu_time.hpp"
#include "guard_page.hpp"

using namespace hyperion;
using http1::ChunkedDecoder;
using http1::Progress;

namespace {

struct Decoding {
  explicit Decoding(const http::Limits& limits = {}) : decoder(limits) {}

  Progress take(std::string_view bytes, uint64_t room = UINT64_MAX) {
    rest = page.hold(bytes);
    return decoder.decode(rest, content, trailers, room);
  }

  test::GuardPage page;
  ChunkedDecoder decoder;
  std::string content;
  http::FieldList trailers;
  std::string_view rest;
};

}  // namespace

TEST_CASE("chunked decoder: what follows the body is left") {
  Decoding body;
  CHECK(body.take("3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n") == Progress::complete);
  CHECK(body.content == "abc");
  CHECK(body.rest == "GET / HTTP/1.1\r\n");
}

TEST_CASE("chunked decoder: what follows a trailer section is left") {
  Decoding body;
  CHECK(body.take("0\r\nA: b\r\nC: d\r\n\r\nGET") == Progress::complete);
  CHECK(body.trailers.size() == 2);
  CHECK(body.rest == "GET");
}

TEST_CASE("chunked decoder: a chunk beyond the room is not begun") {
  Decoding body;
  CHECK(body.take("3\r\nabc\r\n", 5) == Progress::incomplete);
  CHECK(body.rest.empty());
  SUBCASE("that fits") {
    CHECK(body.take("2\r\nde\r\n0\r\n\r\n", 2) == Progress::complete);
    CHECK(body.content == "abcde");
  }
  SUBCASE("that does not") {
    CHECK(body.take("3\r\ndef\r\n", 2) == Progress::incomplete);
    CHECK(body.rest == "\ndef\r\n");
    CHECK(body.content == "abc");
  }
  SUBCASE("room for nothing is enough for the end") { CHECK(body.take("0\r\n\r\n", 0) == Progress::complete); }
}

TEST_CASE("chunked decoder: the room of one call counts what came before in it") {
  Decoding body;
  CHECK(body.take("3\r\nabc\r\n3\r\ndef\r\n", 5) == Progress::incomplete);
  CHECK(body.content == "abc");
  CHECK_FALSE(body.rest.empty());
}

TEST_CASE("chunked decoder: whether the first chunk's size has been read") {
  Decoding body;
  CHECK(body.decoder.before_first_chunk());
  CHECK(body.take("5;x\r") == Progress::incomplete);
  CHECK(body.decoder.before_first_chunk());
  CHECK(body.take("\n") == Progress::incomplete);
  CHECK_FALSE(body.decoder.before_first_chunk());
}

TEST_CASE("chunked decoder: a flood of pipelined bytes behind a body is not copied with each") {
  // 4,000 bodies, each with 16 MiB behind it, take milliseconds; copying that each time would move 64 GiB.
  const std::string bytes = "0\r\n\r\n" + std::string(16 * 1024 * 1024, 'x');
  const double began = test::cpu_seconds();
  for (int i = 0; i < 4'000; ++i) {
    ChunkedDecoder decoder{http::Limits{.max_header_bytes = 0}};
    std::string content;
    http::FieldList trailers;
    std::string_view rest = bytes;
    if (decoder.decode(rest, content, trailers, UINT64_MAX) != Progress::complete) FAIL("the end was not found");
  }
  CHECK(test::cpu_seconds() - began < 2);
}

TEST_CASE("chunked decoder: trailers are there when the body is complete, not before") {
  Decoding body;
  CHECK(body.take("0\r\nA: b\r\nC: d\r\n") == Progress::incomplete);
  CHECK(body.trailers.empty());
  SUBCASE("complete") {
    CHECK(body.take("\r\n") == Progress::complete);
    CHECK(body.trailers.size() == 2);
  }
  SUBCASE("a fault behind good ones leaves none") {
    CHECK(body.take(" fold\r\n\r\n") == Progress::failed);
    CHECK(body.trailers.empty());
  }
}
