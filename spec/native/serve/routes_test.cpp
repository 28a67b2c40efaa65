// serve::Routes: which of a route's answers a request gets, what is kept for whom, and another table while it serves.
#include "serve/routes.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "requests.hpp"

namespace hyperion::test {
namespace {

using http::Answerer;
using serve::RouteTable;
using serve::Verdict;

class NoMail final : public http::Mailbox {
 public:
  void post(http::Exchange&) noexcept override {}
};

struct Rig {
  NoMail mail;
  http::Exchange exchange{mail};
  std::shared_ptr<RouteTable> table = std::make_shared<RouteTable>();
  std::shared_ptr<std::atomic<bool>> hooks = std::make_shared<std::atomic<bool>>(false);
  serve::Routes routes{2, hooks};

  Rig() { routes.use(table); }

  Verdict ask(std::string_view method, std::string_view target, std::string_view fields = "") {
    exchange.clear();
    fill(exchange.request, method, target, fields);
    return routes.respond(exchange);
  }
};

}  // namespace

TEST_CASE("routes: without a table, or without a match, the request is somebody else's") {
  NoMail mail;
  http::Exchange exchange{mail};
  serve::Routes none{1, nullptr};
  fill(exchange.request, "GET", "/");
  CHECK(none.respond(exchange) == Verdict::not_mine);
  Rig rig;
  CHECK(rig.ask("GET", "/") == Verdict::not_mine);
  rig.table->put(fixed("GET", "/a", "body"));
  CHECK(rig.ask("GET", "/b") == Verdict::not_mine);
  CHECK(rig.exchange.answerer == Answerer::app);
  CHECK_FALSE(rig.exchange.held);
}

TEST_CASE("routes: a static route is answered, a conditional request with what it asked for") {
  Rig rig;
  rig.table->put(fixed("GET", "/a", "body", "\"e\""));
  CHECK(rig.ask("GET", "/a?q") == Verdict::answered);
  CHECK(rig.exchange.answerer == Answerer::static_entry);
  CHECK(rig.exchange.response.status == 200);
  REQUIRE(rig.exchange.response.prepared != nullptr);
  CHECK(rig.exchange.response.prepared->body == "body");
  CHECK(rig.ask("GET", "/a", "If-None-Match: \"e\"\r\n") == Verdict::answered);
  CHECK(rig.exchange.response.status == 304);
  CHECK(rig.exchange.response.prepared->body.empty());
  CHECK(rig.ask("GET", "/a", "If-Match: \"x\"\r\n") == Verdict::answered);
  CHECK(rig.exchange.response.status == 412);
  rig.table->put(fixed("GET", "/a", "no tag"));
  CHECK(rig.ask("GET", "/a", "If-None-Match: *\r\n") == Verdict::answered);
  CHECK(rig.exchange.response.status == 200);
}

TEST_CASE("routes: a block is Ruby's, and stays until its exchange is over") {
  static std::atomic<uint64_t> gone{0};
  Rig rig;
  rig.table->put(block("GET", "/a", 7, [](uint64_t number) noexcept { gone = number; }));
  CHECK(rig.ask("GET", "/a") == Verdict::dispatch);
  CHECK(rig.exchange.answerer == Answerer::block);
  CHECK(rig.exchange.route == 7);
  rig.table->clear();
  rig.table->put(block("GET", "/b", 8));
  fill(rig.exchange.request, "GET", "/b");
  http::Exchange other{rig.mail};
  fill(other.request, "GET", "/b");
  CHECK(rig.routes.respond(other) == Verdict::dispatch);
  rig.table->put(block("GET", "/c", 9));  // sweeps
  CHECK(gone == 0);
  rig.exchange.clear();
  CHECK(gone == 7);
}

TEST_CASE("routes: a native answer holds its route only where somebody wants to hear of it") {
  Rig rig;
  rig.table->put(fixed("GET", "/a", "body"));
  CHECK(rig.ask("GET", "/a") == Verdict::answered);
  CHECK_FALSE(rig.exchange.held);
  rig.hooks->store(true);
  CHECK(rig.ask("GET", "/a") == Verdict::answered);
  CHECK(rig.exchange.held);
}

TEST_CASE("routes: another table from now on; each I/O thread reads with a reader of its own") {
  Rig rig;
  rig.table->put(fixed("GET", "/a", "first"));
  CHECK(rig.ask("GET", "/a") == Verdict::answered);
  const http::Prepared* kept = rig.exchange.response.prepared;
  auto second = std::make_shared<RouteTable>();
  second->put(fixed("GET", "/a", "second"));
  rig.routes.use(second);
  CHECK(kept->body == "first");
  CHECK(rig.ask("GET", "/a") == Verdict::answered);
  CHECK(rig.exchange.response.prepared->body == "second");

  http::Exchange other{rig.mail};
  other.io_thread = 1;
  fill(other.request, "GET", "/a");
  CHECK(rig.routes.respond(other) == Verdict::answered);
  second->put(fixed("GET", "/a", "third"));
  second->put(fixed("GET", "/b", "fourth"));
  CHECK(rig.exchange.response.prepared->body == "second");
  CHECK(other.response.prepared->body == "second");
}

}  // namespace hyperion::test
