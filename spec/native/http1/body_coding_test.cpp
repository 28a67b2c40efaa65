// http1::BodyCoding by itself: what is cut, counted, framed and released.
#include "http1/body_coding.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace hyperion;
using http1::BodyCoding;
using Framing = BodyCoding::Framing;

namespace {

struct Coded {
  buffer::ChunkPool pool;
  buffer::OutputQueue out{pool};
  BodyCoding coding;

  // What stands in the queue, file ranges as "<offset+size>".
  std::string text() {
    std::string all;
    while (!out.empty()) {
      if (const buffer::FileRange* range = out.front_file()) {
        all += "<" + std::to_string(range->offset) + "+" + std::to_string(range->size) + ">";
        out.drain(range->size);
        continue;
      }
      std::array<iovec, 1> piece;
      REQUIRE(out.as_iovecs(piece) == 1);
      all.append(static_cast<const char*>(piece[0].iov_base), piece[0].iov_len);
      out.drain(piece[0].iov_len);
    }
    return all;
  }
};

buffer::FileRange range(uint64_t offset, uint64_t size) {
  return {.file = std::make_shared<const base::UniqueFd>(), .offset = offset, .size = size};
}

}  // namespace

TEST_CASE("body coding: chunked") {
  Coded body;
  body.coding.start(Framing::chunked, 0);
  body.coding.write(body.out, std::string_view{"hello"});
  body.coding.write(body.out, std::string_view{});
  body.coding.write(body.out, std::string(17, 'x'));
  body.coding.write(body.out, buffer::Block::own("block"));
  body.coding.write(body.out, buffer::Block::own(""));
  body.coding.write(body.out, range(7, 255));
  body.coding.write(body.out, range(7, 0));
  CHECK(body.coding.finish(body.out));
  CHECK(body.text() == "5\r\nhello\r\n11\r\nxxxxxxxxxxxxxxxxx\r\n5\r\nblock\r\nff\r\n<7+255>\r\n0\r\n\r\n");
  CHECK(body.coding.written() == 5 + 17 + 5 + 255);
  CHECK(body.coding.excess() == 0);
}

TEST_CASE("body coding: counted, with excess of every kind") {
  Coded body;
  body.coding.start(Framing::counted, 12);
  body.coding.write(body.out, std::string_view{"hello"});
  CHECK(body.coding.missing() == 7);
  body.coding.write(body.out, range(100, 5));
  body.coding.write(body.out, buffer::Block::own("block"));
  CHECK(body.coding.missing() == 0);
  body.coding.write(body.out, range(0, 10));
  body.coding.write(body.out, std::string(20'000, 'x'));
  body.coding.write(body.out, std::string_view{"y"});
  CHECK(body.coding.finish(body.out));
  CHECK(body.text() == "hello<100+5>bl");
  CHECK(body.coding.written() == 12);
  CHECK(body.coding.excess() == 3 + 10 + 20'000 + 1);
}

TEST_CASE("body coding: counted, with a shortfall") {
  Coded body;
  body.coding.start(Framing::counted, 6);
  body.coding.write(body.out, std::string_view{"hello"});
  CHECK_FALSE(body.coding.finish(body.out));
  CHECK(body.coding.missing() == 1);
  CHECK(body.text() == "hello");
}

TEST_CASE("body coding: until the connection closes") {
  Coded body;
  body.coding.start(Framing::until_close, 0);
  body.coding.write(body.out, std::string_view{"hello"});
  body.coding.write(body.out, range(1, 2));
  CHECK(body.coding.finish(body.out));
  CHECK(body.text() == "hello<1+2>");
}

TEST_CASE("body coding: none") {
  static int released = 0;
  released = 0;
  Coded body;
  body.coding.start(Framing::none, 0);
  body.coding.write(body.out, std::string_view{"hello"});
  body.coding.write(body.out, std::string(20'000, 'x'));
  body.coding.write(body.out,
                    {.data = "x", .size = 1, .release = [](void*) noexcept { ++released; }, .owner = nullptr});
  body.coding.write(body.out, range(1, 2));
  CHECK(body.coding.finish(body.out));
  CHECK(body.text().empty());
  CHECK(body.coding.written() == 0);
  CHECK(body.coding.excess() == 0);
  CHECK(released == 1);
}

TEST_CASE("body coding: start forgets the body before") {
  Coded body;
  body.coding.start(Framing::counted, 1);
  body.coding.write(body.out, std::string_view{"hello"});
  body.coding.start(Framing::chunked, 0);
  CHECK(body.coding.written() == 0);
  CHECK(body.coding.excess() == 0);
  CHECK(body.coding.missing() == 0);
}
