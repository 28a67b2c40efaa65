// Requests that take too long: with an injected clock.
#include "server/request_watch.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

namespace hyperion::test {
namespace {

using namespace std::chrono_literals;
using base::Instant;
using server::RequestWatch;
using Finding = RequestWatch::Finding;

struct NoMailbox final : http::Mailbox {
  void post(http::Exchange& /*exchange*/) noexcept override {}
};

struct Found {
  const http::Exchange* exchange;
  Finding finding;
  friend bool operator==(const Found&, const Found&) = default;
};

struct Rig {
  Rig(base::Duration soft, base::Duration hard) : watch(soft, hard) {}

  http::Exchange& add(base::Duration at) {
    exchanges.push_back(std::make_unique<http::Exchange>(mailbox));
    exchanges.back()->ready = start + at;
    watch.add(*exchanges.back());
    return *exchanges.back();
  }
  void take(http::Exchange& exchange, base::Duration at) {
    exchange.taken = start + at;
    REQUIRE(exchange.claim());
  }
  std::vector<Found> look(base::Duration at) {
    std::vector<Found> found;
    again = watch.look(start + at, [&](http::Exchange& exchange, Finding finding) {
      found.push_back({&exchange, finding});
    });
    return found;
  }

  NoMailbox mailbox;
  std::vector<std::unique_ptr<http::Exchange>> exchanges;
  RequestWatch watch;
  Instant again{};
  const Instant start = Instant{} + 1h;
};

}  // namespace

TEST_CASE("request watch: the soft limit is told once, the hard one ends it, both from the moment it was taken") {
  Rig rig{10s, 30s};
  http::Exchange& one = rig.add(0s);
  CHECK(rig.watch.first_look(one) == rig.start + 10s);
  rig.take(one, 5s);
  CHECK(rig.look(10s).empty());
  CHECK(rig.again == rig.start + 15s);
  CHECK(rig.look(14999ms).empty());
  CHECK(rig.look(15s) == std::vector<Found>{{&one, Finding::slow}});
  CHECK(rig.again == rig.start + 35s);
  CHECK(rig.look(34999ms).empty());
  CHECK(rig.look(35s) == std::vector<Found>{{&one, Finding::overdue}});
  CHECK_FALSE(one.watched);
  CHECK(rig.again == Instant::max());
  CHECK(rig.look(1h).empty());
}

TEST_CASE("request watch: one that nobody takes expires, and cannot be taken any more") {
  Rig rig{10s, 30s};
  http::Exchange& one = rig.add(0s);
  http::Exchange& two = rig.add(1s);
  CHECK(rig.look(10s).empty());
  CHECK(rig.again == rig.start + 20s);  // one might have been taken right now
  CHECK(rig.look(29s).empty());
  CHECK(rig.again == rig.start + 30s);
  CHECK(rig.look(30s) == std::vector<Found>{{&one, Finding::expired}});
  CHECK_FALSE(one.claim());
  CHECK(rig.again == rig.start + 31s);
  rig.take(two, 31s);
  CHECK(rig.look(31s).empty());
  CHECK(rig.look(41s) == std::vector<Found>{{&two, Finding::slow}});
}

TEST_CASE("request watch: one that is taken at the moment when it expires is the taker's") {
  Rig rig{0s, 30s};
  http::Exchange& one = rig.add(0s);
  REQUIRE(one.claim());  // `taken` is not to be seen yet
  CHECK(rig.look(30s).empty());
  CHECK(one.watched);
  CHECK(rig.again == rig.start + 60s);
}

TEST_CASE("request watch: each limit by itself, and none") {
  Rig soft{10s, 0s};
  http::Exchange& slow = soft.add(0s);
  soft.take(slow, 0s);
  CHECK(soft.look(10s) == std::vector<Found>{{&slow, Finding::slow}});
  CHECK(soft.again == Instant::max());
  CHECK(soft.look(10h).empty());
  Rig hard{0s, 10s};
  http::Exchange& late = hard.add(0s);
  CHECK(hard.watch.first_look(late) == hard.start + 10s);
  hard.take(late, 0s);
  CHECK(hard.look(10s) == std::vector<Found>{{&late, Finding::overdue}});
  CHECK(RequestWatch{1s, 0s}.on());
  CHECK(RequestWatch{0s, 1s}.on());
  CHECK_FALSE(RequestWatch{0s, 0s}.on());
}

TEST_CASE("request watch: those that are done are forgotten, wherever they stand") {
  Rig rig{1s, 2s};
  for (int i = 0; i < 4; ++i) rig.take(rig.add(0s), 0s);
  rig.watch.remove(*rig.exchanges[1]);
  rig.watch.remove(*rig.exchanges[3]);
  rig.watch.remove(*rig.exchanges[3]);
  CHECK(rig.look(2s) ==
        std::vector<Found>{{rig.exchanges[0].get(), Finding::overdue}, {rig.exchanges[2].get(), Finding::overdue}});
  rig.take(rig.add(3s), 3s);
  CHECK(rig.look(4s) == std::vector<Found>{{rig.exchanges[4].get(), Finding::slow}});
  rig.watch.remove(*rig.exchanges[4]);
  CHECK(rig.look(1h).empty());
}

TEST_CASE("request watch: many are stuck, many wait, each gets its word in time") {
  Rig rig{2s, 5s};
  std::vector<http::Exchange*> stuck;
  for (int i = 0; i < 3; ++i) {
    stuck.push_back(&rig.add(i * 1s));
    rig.take(*stuck.back(), i * 1s);
  }
  for (int i = 0; i < 100; ++i) rig.add(3s);
  size_t slow = 0;
  size_t overdue = 0;
  size_t expired = 0;
  Instant at = rig.start + 2s;
  for (int looks = 0; at != Instant::max() && looks < 100; ++looks) {
    for (const Found& found : rig.look(at - rig.start)) {
      if (found.finding == Finding::slow) ++slow;
      if (found.finding == Finding::overdue) ++overdue;
      if (found.finding == Finding::expired) ++expired;
    }
    REQUIRE(rig.again > at);
    at = rig.again;
  }
  CHECK(slow == 3);
  CHECK(overdue == 3);
  CHECK(expired == 100);
}

}  // namespace hyperion::test
