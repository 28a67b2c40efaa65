// Who may have one more connection.
#include "server/admission.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace hyperion::test {
namespace {

using server::AddressKey;
using server::Admission;
using Verdict = Admission::Verdict;

AddressKey key(const char* text) {
  sockaddr_storage storage{};
  if (std::string_view{text}.find(':') == std::string_view::npos) {
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    REQUIRE(::inet_pton(AF_INET, text, &address.sin_addr) == 1);
  } else {
    auto& address = reinterpret_cast<sockaddr_in6&>(storage);
    address.sin6_family = AF_INET6;
    REQUIRE(::inet_pton(AF_INET6, text, &address.sin6_addr) == 1);
  }
  return AddressKey::of(storage);
}

}  // namespace

TEST_CASE("admission: an IPv6 client is its first 64 bits, an IPv4 client its address, however it is written") {
  CHECK(key("2001:db8:1:2::1") == key("2001:db8:1:2:ffff::9"));
  CHECK_FALSE(key("2001:db8:1:2::1") == key("2001:db8:1:3::1"));
  CHECK(key("192.0.2.1") == key("::ffff:192.0.2.1"));
  CHECK_FALSE(key("192.0.2.1") == key("192.0.2.2"));
  // The same bits, another family.
  CHECK_FALSE(key("32.1.13.184") == key("2001:db8::"));
  CHECK_FALSE(AddressKey{}.anybody());
  sockaddr_storage local{};
  local.ss_family = AF_UNIX;
  CHECK_FALSE(AddressKey::of(local).anybody());
}

TEST_CASE("admission: as many as the limit says, and one more when one has left") {
  Admission admission{3, 0};
  const AddressKey one = key("192.0.2.1");
  for (int i = 0; i < 3; ++i) CHECK(admission.enter(one) == Verdict::admitted);
  CHECK(admission.enter(one) == Verdict::full);
  CHECK(admission.enter(AddressKey{}) == Verdict::full);
  admission.leave(one);
  CHECK(admission.enter(AddressKey{}) == Verdict::admitted);
  CHECK(admission.enter(one) == Verdict::full);
  CHECK(admission.addresses() == 0);
}

TEST_CASE("admission: each address has its own share, and a unix socket has none") {
  Admission admission{0, 2};
  const AddressKey one = key("192.0.2.1");
  const AddressKey other = key("2001:db8::1");
  for (const AddressKey& each : {one, other}) {
    CHECK(admission.enter(each) == Verdict::admitted);
    CHECK(admission.enter(each) == Verdict::admitted);
    CHECK(admission.enter(each) == Verdict::full_for_address);
  }
  for (int i = 0; i < 100; ++i) CHECK(admission.enter(AddressKey{}) == Verdict::admitted);
  CHECK(admission.addresses() == 2);
  admission.leave(one);
  CHECK(admission.enter(one) == Verdict::admitted);
  CHECK(admission.enter(one) == Verdict::full_for_address);
}

TEST_CASE("admission: who was refused for his address takes no place of the others") {
  Admission admission{2, 1};
  const AddressKey one = key("192.0.2.1");
  CHECK(admission.enter(one) == Verdict::admitted);
  for (int i = 0; i < 10; ++i) CHECK(admission.enter(one) == Verdict::full_for_address);
  CHECK(admission.enter(key("192.0.2.2")) == Verdict::admitted);
  CHECK(admission.enter(key("192.0.2.3")) == Verdict::full);
}

TEST_CASE("admission: addresses without a connection are forgotten") {
  Admission admission{0, 8};
  std::vector<AddressKey> keys;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = "2001:db8:" + std::to_string(i / 100) + ":" + std::to_string(i % 100) + "::1";
    keys.push_back(key(text.c_str()));
    CHECK(admission.enter(keys.back()) == Verdict::admitted);
  }
  CHECK(admission.addresses() == 1000);
  for (const AddressKey& each : keys) admission.leave(each);
  CHECK(admission.addresses() == 0);
}

TEST_CASE("admission: threads together do not pass the limit") {
  Admission admission{50, 30};
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (const char* text : {"192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1"}) {
    threads.emplace_back([&, each = key(text)] {
      for (int i = 0; i < 200; ++i) {
        if (admission.enter(each) == Verdict::admitted) ++admitted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(admitted == 50);
}

}  // namespace hyperion::test
