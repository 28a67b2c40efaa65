// The engine, end to end: native responders in front of the application, and what follows a response.
#include <fcntl.h>

#include "server/engine_rig.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

// /native at once, /later from a thread of its own, /never not at all; the rest is not its business.
class Native final : public serve::Responder {
 public:
  ~Native() override { finish(); }

  // Its threads ring the engine, which must not go before them.
  void finish() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  serve::Verdict respond(Exchange& exchange) noexcept override {
    const std::string path{exchange.request.view(exchange.request.path)};
    ++asked;
    if (path.starts_with("/native")) {
      exchange.response.bytes = "native " + path;
      return serve::Verdict::answered;
    }
    if (path.starts_with("/later")) {
      threads_.emplace_back([&exchange, path] {
        std::this_thread::sleep_for(milliseconds{5});
        exchange.response.bytes = "later " + path;
        exchange.signal(Exchange::kAnswered | Exchange::kReleased);
      });
      return serve::Verdict::later;
    }
    return path.starts_with("/never") ? serve::Verdict::later : serve::Verdict::not_mine;
  }

  std::atomic<int> asked{0};

 private:
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("engine: responders are asked in order, and the application last") {
  Native first;
  Native second;
  TestServer server{
      [](Call& call) { call.respond(200, "app " + std::string{call.path()}); }, calm_options(), 2, {&first, &second}};
  Client client = server.client();
  REQUIRE(client.send(get("/native") + get("/app") + get("/later") + get("/native/2") + get("/app/2")));
  for (const std::string_view wanted :
       {"native /native", "app /app", "later /later", "native /native/2", "app /app/2"}) {
    CHECK(read_response(client).body == wanted);
  }
  first.finish();
  CHECK(first.asked == 5);
  CHECK(second.asked == 2);
  CHECK(server.sum(&observe::Counters::requests_dispatched) == 2);
}

TEST_CASE("engine: pipelined native answers come in order, whatever their number") {
  Native native;
  TestServer server{[](Call& call) { call.respond(200, "app"); }, calm_options(), 1, {&native}};
  Client client = server.client();
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += get(i % 100 == 99 ? "/app" : "/native/" + std::to_string(i));
  std::thread writer{[&] { client.send(requests); }};
  int wrong = 0;
  Client reader{base::UniqueFd{::fcntl(client.fd(), F_DUPFD_CLOEXEC, 0)}};
  for (int i = 0; i < 2000; ++i) {
    const std::string wanted = i % 100 == 99 ? "app" : "native /native/" + std::to_string(i);
    if (read_response(reader).body != wanted) ++wrong;
  }
  writer.join();
  CHECK(wrong == 0);
}

TEST_CASE("engine: a client of native answers that does not read is held up as well") {
  Native native;
  TestServer server{[](Call& call) { call.respond(200, "app"); }, calm_options(), 1, {&native}};
  Client greedy = server.client();
  shrink_buffers(greedy.fd(), 256 * 1024);
  std::thread flood{[&] {
    std::string batch;
    while (batch.size() < 60'000) batch += get("/native");
    size_t sent = 0;
    while (sent < 64'000'000 && greedy.send(batch)) sent += batch.size();
  }};
  uint64_t before = 1;
  CHECK(eventually([&] {
    const uint64_t now = server.sum(&observe::Counters::bytes_read);
    const bool still = now == before;
    before = now;
    std::this_thread::sleep_for(milliseconds{50});
    return still;
  }));
  const uint64_t served = server.sum(&observe::Counters::requests);
  CHECK(server.sum(&observe::Counters::bytes_read) < served * get("/native").size() + server.received_ahead());
  server.stop();
  flood.join();
}

TEST_CASE("engine: an exchange that is never answered costs nobody anything") {
  Native native;
  TestServer server{[](Call& call) { call.respond(200, "app"); }, calm_options(), 1, {&native}};
  std::vector<Client> waiting;
  for (int i = 0; i < 20; ++i) {
    waiting.push_back(server.client());
    REQUIRE(waiting.back().send(get("/never")));
  }
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  CHECK(read_response(client).body == "app");
  for (size_t i = 0; i < 10; ++i) waiting[i].reset();
  CHECK(eventually([&] { return server.sum(&observe::Counters::connections_active) == 11; }));
  server.stop();
  CHECK(server.engine.exchanges_held() == 20);
}

TEST_CASE("engine: what follows a response runs after it, and knows whether it left whole") {
  std::mutex mutex;
  std::vector<std::string> said;
  Gate gate;
  const auto note = [&](std::string words) {
    const std::lock_guard lock{mutex};
    said.push_back(std::move(words));
  };
  const auto count = [&] {
    const std::lock_guard lock{mutex};
    return said.size();
  };
  TestServer server{[&](Call& call) {
    const std::string path{call.path()};
    if (call.follow_up()) {
      note("after " + path + (call.exchange.delivered ? " delivered" : " lost"));
      return;
    }
    if (path == "/gone") {
      gate.wait();
    } else {
      note("in " + path);
    }
    call.exchange.wants_follow_up = true;
    call.respond(200, "ok");
  }};
  Client client = server.client();
  REQUIRE(client.send(get("/1")));
  CHECK(read_response(client).body == "ok");
  CHECK(eventually([&] { return count() == 2; }));
  Client leaver = server.client();
  REQUIRE(leaver.send(get("/gone")));
  CHECK(eventually([&] { return server.sum(&observe::Counters::requests) == 2; }));
  leaver.reset();
  CHECK(eventually([&] { return server.sum(&observe::Counters::connections_active) == 1; }));
  gate.open();
  CHECK(eventually([&] { return count() == 3; }));
  server.engine.drain();
  CHECK(server.engine.wait_drained(kPatience));
  CHECK(said == std::vector<std::string>{"in /1", "after /1 delivered", "after /gone lost"});
}

TEST_CASE("engine: interim responses go out before the answer") {
  TestServer server{[](Call& call) {
    http::FieldList hints;
    hints.add("link", "</style.css>; rel=preload");
    call.exchange.hints.push(std::move(hints));
    call.exchange.signal(Exchange::kHints);
    call.respond(200, "page");
  }};
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n");
  CHECK(read_response(client).body == "page");
}

}  // namespace hyperion::test
