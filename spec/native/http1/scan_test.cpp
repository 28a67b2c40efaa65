// The vector scanner and the scalar one give the same answer for every byte, length and alignment; the input ends at a
// guard page.
#include "http1/scan.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "guard_page.hpp"

using namespace hyperion;

namespace {

size_t with_vectors(std::string_view bytes) {
  return static_cast<size_t>(http1::scan_field_value(bytes.data(), bytes.data() + bytes.size()) - bytes.data());
}

size_t without(std::string_view bytes) {
  return static_cast<size_t>(http1::scan_field_value_scalar(bytes.data(), bytes.data() + bytes.size()) - bytes.data());
}

}  // namespace

TEST_CASE("scan: each byte stops it or does not, at every place of a vector") {
  test::GuardPage page;
  for (int value = 0; value < 256; ++value) {
    // RFC 9110 section 5.5: HTAB, SP, VCHAR and obs-text
    const bool ordinary = value == '\t' || (value >= 0x20 && value != 0x7f);
    for (size_t size = 1; size <= 40; ++size) {
      for (size_t at = 0; at < size; ++at) {
        std::string bytes(size, 'v');
        bytes[at] = static_cast<char>(value);
        const std::string_view held = page.hold(bytes);
        const size_t expected = ordinary ? size : at;
        if (with_vectors(held) != expected || without(held) != expected) {
          CAPTURE(value);
          CAPTURE(size);
          CAPTURE(at);
          CHECK(with_vectors(held) == expected);
          CHECK(without(held) == expected);
        }
      }
    }
  }
}

TEST_CASE("scan: nothing to scan") {
  test::GuardPage page;
  CHECK(with_vectors(page.hold("")) == 0);
  CHECK(without(page.hold("")) == 0);
}

TEST_CASE("scan: both agree on random input") {
  test::GuardPage page;
  std::mt19937 random{7};
  std::uniform_int_distribution<size_t> length{0, 300};
  std::uniform_int_distribution<int> any{0, 255};
  std::uniform_int_distribution<int> one_in{0, 60};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(length(random), 'x');
    for (char& c : bytes) c = static_cast<char>(one_in(random) == 0 ? any(random) : 0x20 + any(random) % 0x5f);
    const std::string_view held = page.hold(bytes);
    if (with_vectors(held) != without(held)) {
      CAPTURE(round);
      CHECK(with_vectors(held) == without(held));
    }
  }
  CHECK(true);
}
