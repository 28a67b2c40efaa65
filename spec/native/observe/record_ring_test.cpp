// RecordRing: one producer, one consumer, nobody waits.
#include "observe/record_ring.hpp"

#include <doctest/doctest.h>

#include <array>
#include <deque>
#include <thread>

#include "support/random.hpp"

namespace hyperion::test {
namespace {

using observe::RecordRing;

bool push(RecordRing& ring, std::string_view first, std::string_view second = {}) {
  const std::array<std::string_view, 2> parts{first, second};
  return ring.push(parts);
}

}  // namespace

TEST_CASE("record ring: records come out whole and in order, their parts joined") {
  RecordRing ring{1024};
  std::string record = "from before";
  CHECK(ring.empty());
  CHECK_FALSE(ring.pop(record));
  CHECK(push(ring, "ab", "cd"));
  CHECK(push(ring, "", ""));
  CHECK(push(ring, "e"));
  CHECK_FALSE(ring.empty());
  for (const std::string_view wanted : {"abcd", "", "e"}) {
    REQUIRE(ring.pop(record));
    CHECK(record == wanted);
  }
  CHECK_FALSE(ring.pop(record));
  CHECK(ring.dropped() == 0);
}

TEST_CASE("record ring: what does not fit is dropped whole, and counted") {
  RecordRing ring{64};
  CHECK(push(ring, std::string(60, 'x')));  // with its length: exactly the ring
  CHECK_FALSE(push(ring, ""));
  CHECK_FALSE(push(ring, "y"));
  CHECK(ring.dropped() == 2);
  std::string record;
  REQUIRE(ring.pop(record));
  CHECK(record == std::string(60, 'x'));
  CHECK_FALSE(push(ring, std::string(61, 'z')));
  CHECK_FALSE(push(ring, std::string(1000, 'z')));
  CHECK(push(ring, "fits again"));
  REQUIRE(ring.pop(record));
  CHECK(record == "fits again");
  CHECK(ring.dropped() == 4);
}

TEST_CASE("record ring: random pushing and popping, against a list") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random{seed};
    RecordRing ring{256};
    std::deque<std::string> model;
    size_t used = 0;
    uint64_t dropped = 0;
    uint64_t number = 0;
    for (int step = 0; step < 5000; ++step) {
      if (random.one_in(2)) {
        const std::string bytes = pattern(random.between(0, 80), ++number * 1000);
        const size_t split = random.between(0, bytes.size());
        const bool fits = used + 4 + bytes.size() <= 256;
        REQUIRE(push(ring, std::string_view{bytes}.substr(0, split), std::string_view{bytes}.substr(split)) == fits);
        if (fits) {
          used += 4 + bytes.size();
          model.push_back(bytes);
        } else {
          ++dropped;
        }
      } else {
        std::string record;
        REQUIRE(ring.pop(record) == !model.empty());
        if (model.empty()) continue;
        REQUIRE(record == model.front());
        used -= 4 + model.front().size();
        model.pop_front();
      }
      REQUIRE(ring.empty() == model.empty());
      REQUIRE(ring.dropped() == dropped);
    }
  }
}

TEST_CASE("record ring: a producer and a consumer at once") {
  RecordRing ring{4096};
  constexpr uint64_t kRecords = 200'000;
  uint64_t refused = 0;
  std::thread producer{[&] {
    for (uint64_t i = 1; i <= kRecords; ++i) {
      const std::string number = std::to_string(i);
      if (!push(ring, number, std::string(i % 50, 'x'))) ++refused;
    }
    while (!push(ring, "end")) std::this_thread::yield();
  }};
  uint64_t last = 0;
  uint64_t got = 0;
  uint64_t wrong = 0;
  std::string record;
  while (true) {
    if (!ring.pop(record)) {
      std::this_thread::yield();
      continue;
    }
    if (record == "end") break;
    const uint64_t number = std::strtoull(record.c_str(), nullptr, 10);
    if (number <= last || record != std::to_string(number) + std::string(number % 50, 'x')) ++wrong;
    last = number;
    ++got;
  }
  producer.join();
  CHECK(wrong == 0);
  CHECK(got + refused == kRecords);
  CHECK(ring.dropped() >= refused);
}

}  // namespace hyperion::test
