// InputBuffer: the bytes that came, in one piece.
#include "buffer/input_buffer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/random.hpp"

namespace hyperion::test {

using buffer::InputBuffer;

TEST_CASE("input buffer: an empty one holds no memory") {
  InputBuffer input;
  CHECK(input.empty());
  CHECK(input.view().empty());
  input.append("");
  CHECK(input.capacity() == 0);
  input.append("hello");
  CHECK(input.view() == "hello");
  CHECK(input.capacity() > 0);
  input.consume(2);
  CHECK(input.view() == "llo");
  input.consume(3);
  CHECK(input.empty());
  CHECK(input.capacity() == 0);
  input.append("again");
  input.clear();
  CHECK(input.capacity() == 0);
  CHECK(input.view().empty());
}

TEST_CASE("input buffer: capacity stays in proportion to what is held") {
  InputBuffer input;
  // A reader that keeps up but never quite empties it.
  input.append("x");
  for (int i = 0; i < 10'000; ++i) {
    input.append(std::string(100, 'y'));
    input.consume(100);
  }
  CHECK(input.size() == 1);
  CHECK(input.capacity() <= 4096);
  input.append(std::string(1'000'000, 'z'));
  CHECK(input.capacity() <= 2'100'000);
}

TEST_CASE("input buffer: random appending and consuming, against a string") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random{seed};
    InputBuffer input;
    std::string model;
    uint64_t written = 0;
    for (int step = 0; step < 2000; ++step) {
      if (random.one_in(2)) {
        const std::string bytes = pattern(random.between(0, uint64_t{1} << random.between(0, 14)), written);
        written += bytes.size();
        input.append(bytes);
        model += bytes;
      } else {
        const size_t count = random.one_in(5) ? model.size() : random.between(0, model.size());
        input.consume(count);
        model.erase(0, count);
      }
      REQUIRE(input.size() == model.size());
      REQUIRE(input.view() == model);
      REQUIRE((input.capacity() == 0) == model.empty());
    }
  }
}

}  // namespace hyperion::test
