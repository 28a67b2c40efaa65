// server::NoteQueue: what is told of native answers afterwards, how much of it at most, and of which.
#include "server/note_queue.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>

#include "serve/requests.hpp"
#include "serve/routes.hpp"

namespace hyperion::test {
namespace {

using http::Answerer;
using server::NoteQueue;

class NoMail final : public http::Mailbox {
 public:
  void post(http::Exchange&) noexcept override {}
};

using Hold = base::Ref<const base::Counted>;

struct Rig {
  NoMail mail;
  http::Exchange exchange{mail};
  http::Exchange carrier{mail};
  std::shared_ptr<std::atomic<bool>> wanted = std::make_shared<std::atomic<bool>>(true);
  NoteQueue notes{wanted};

  void push(int number) {
    exchange.clear();
    fill(exchange.request, "GET", "/" + std::to_string(number));
    exchange.answerer = Answerer::static_entry;
    exchange.response.status = 200;
    notes.push(exchange);
  }
  std::string take() {
    if (!notes.take(carrier)) return "";
    return std::string{carrier.request.view(carrier.request.path)};
  }
};

}  // namespace

TEST_CASE("note queue: only native answers are told of, and only while somebody wants it") {
  Rig rig;
  const auto wants = [&](Answerer who, bool held) {
    rig.exchange.clear();
    rig.exchange.answerer = who;
    if (held) rig.exchange.held = Hold::adopt(fixed("GET", "/", "").release());
    return rig.notes.wants(rig.exchange);
  };
  CHECK(wants(Answerer::static_entry, true));
  CHECK_FALSE(wants(Answerer::static_entry, false));
  CHECK(wants(Answerer::admin, false));
  for (const Answerer who : {Answerer::app, Answerer::block, Answerer::server}) CHECK_FALSE(wants(who, true));
  rig.wanted->store(false);
  CHECK_FALSE(wants(Answerer::static_entry, true));
  CHECK_FALSE(NoteQueue{nullptr}.wants(rig.exchange));
}

TEST_CASE("note queue: request and response come out as they went in, in order; a body stays outside") {
  Rig rig;
  CHECK(rig.notes.empty());
  CHECK(rig.take().empty());
  static bool gone = false;
  auto route = fixed("POST", "/a", "body", "", 1, [](uint64_t) noexcept { gone = true; });
  fill(rig.exchange.request, "POST", "/a?q=1", "X-A: b\r\n");
  rig.exchange.request.body.memory = "large";
  rig.exchange.response.status = 201;
  rig.exchange.response.prepared = &route->fixed->full;
  rig.exchange.origin.port = 77;
  rig.exchange.held = Hold::adopt(route.release());
  rig.notes.push(rig.exchange);
  rig.push(2);
  rig.exchange.clear();
  CHECK_FALSE(gone);
  REQUIRE(rig.notes.take(rig.carrier));
  const http::Request& request = rig.carrier.request;
  CHECK(request.method == http::Method::post);
  CHECK(request.view(request.path) == "/a");
  CHECK(request.view(request.query) == "q=1");
  CHECK(request.fields.size() == 2);
  CHECK(request.body.size() == 0);
  CHECK(rig.carrier.origin.port == 77);
  CHECK(rig.carrier.response.status == 201);
  REQUIRE(rig.carrier.response.prepared != nullptr);
  CHECK(rig.carrier.response.prepared->fields.find(http::KnownField::content_type) == "text/plain");
  CHECK_FALSE(gone);
  CHECK(rig.take() == "/2");
  CHECK(gone);
  CHECK(rig.carrier.response.prepared == nullptr);
  CHECK_FALSE(rig.notes.take(rig.carrier));
  CHECK(rig.carrier.request.fields.empty());
}

TEST_CASE("note queue: when it is full the oldest go, and are counted") {
  constexpr int kMost = static_cast<int>(NoteQueue::kMost);
  Rig rig;
  for (int i = 0; i < 5; ++i) rig.push(i);
  CHECK(rig.take() == "/0");
  for (int i = 5; i < kMost + 8; ++i) rig.push(i);
  CHECK(rig.notes.dropped() == 7);
  for (int i = 8; i < kMost + 8; ++i) REQUIRE(rig.take() == "/" + std::to_string(i));
  CHECK(rig.notes.empty());
  CHECK(rig.take().empty());
  rig.push(1);
  CHECK(rig.take() == "/1");
  CHECK(rig.notes.dropped() == 7);
}

TEST_CASE("note queue: I/O threads push while app threads take") {
  constexpr int kPushes = 20'000;
  Rig rig;
  std::atomic<int> taken{0};
  std::atomic<int> running{2};
  const auto push = [&] {
    http::Exchange exchange{rig.mail};
    const auto route = fixed("GET", "/a", "body");
    for (int i = 0; i < kPushes; ++i) {
      exchange.clear();
      fill(exchange.request, "GET", "/a");
      exchange.response.prepared = &route->fixed->full;
      exchange.held = Hold::share(route.get());
      rig.notes.push(exchange);
    }
    --running;
  };
  const auto take = [&] {
    http::Exchange carrier{rig.mail};
    while (running > 0 || !rig.notes.empty()) {
      if (!rig.notes.take(carrier)) continue;
      ++taken;
      if (carrier.request.view(carrier.request.path) != "/a") taken = -1'000'000;
    }
  };
  std::thread first{push};
  std::thread second{push};
  std::thread third{take};
  take();
  for (std::thread* thread : {&first, &second, &third}) thread->join();
  CHECK(static_cast<uint64_t>(taken) + rig.notes.dropped() == 2 * kPushes);
}

}  // namespace hyperion::test
