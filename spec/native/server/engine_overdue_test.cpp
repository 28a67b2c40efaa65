// The engine, end to end: requests that take the application too long.
#include "server/engine_rig.hpp"

namespace hyperion::test {
namespace {

// Long enough for a busy machine to take a request that is not to expire in the queue.
constexpr auto kShort = milliseconds{400};

server::Options strict() {
  server::Options options = calm_options();
  options.limits.request_timeout = kShort;
  return options;
}

bool drained(TestServer& server) {
  server.engine.drain();
  return server.engine.wait_drained(kPatience);
}

}  // namespace

TEST_CASE("engine: request-timeout: 504, the connection goes on, and what the application still says harms nobody") {
  Gate gate;
  TestServer server{[&](Call& call) {
                      if (call.path() == "/") return call.respond(200, "ok");
                      gate.wait();
                      if (call.path() == "/stream") {
                        http::BodyPipe& pipe = call.open_stream({}, true);
                        CHECK(eventually([&] { return !call.write("late"); }));
                        return pipe.finish(true);
                      }
                      if (call.path() == "/hijack") {
                        call.exchange.signal(Exchange::kHijack);
                        CHECK_FALSE(call.exchange.handoff.wait()->ok());
                      }
                      call.respond(200, "late");
                    },
                    strict(), 4};
  const std::string path = [] {
    std::string chosen;
    SUBCASE("a body in memory") { chosen = "/memory"; }
    SUBCASE("a stream") { chosen = "/stream"; }
    SUBCASE("a hijack") { chosen = "/hijack"; }
    return chosen;
  }();
  Client client = server.client();
  const base::Instant begin = base::now();
  REQUIRE(client.send(get(path) + get("/")));
  const ClientResponse response = read_response(client);
  CHECK(response.status == 504);
  CHECK(response.body == "Gateway Timeout\n");
  CHECK(since(begin) >= kShort);
  CHECK(read_response(client).body == "ok");
  gate.open();
  REQUIRE(client.send(get("/")));
  CHECK(read_response(client).body == "ok");
  CHECK(server.app.overdue_ones == 1);
  CHECK(server.sum(&observe::Counters::request_timeouts) == 1);
  CHECK(eventually([&] { return server.log.has("504 the application did not answer within request-timeout"); }));
  CHECK(eventually([&] { return server.log.has("GET " + path + " 504 "); }));
  CHECK_FALSE(server.log.has("GET " + path + " 200 "));
  CHECK(drained(server));
}

TEST_CASE("engine: request-timeout in the middle of a stream ends the connection, and the producer is told") {
  std::atomic<bool> told{false};
  TestServer server{[&](Call& call) {
                      http::BodyPipe& pipe = call.open_stream({}, true);
                      told = eventually([&] { return !call.write("x"); });
                      pipe.finish(false);
                    },
                    strict()};
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  const std::string all = client.read_all();
  CHECK(all.find("200 OK") != std::string::npos);
  CHECK(all.find("\r\n0\r\n\r\n") == std::string::npos);
  CHECK(eventually([&] { return told.load(); }));
  CHECK(server.app.overdue_ones == 1);
  CHECK(eventually([&] { return server.log.has("request-timeout"); }));
  CHECK(drained(server));
}

TEST_CASE("engine: request-timeout goes on when the client has left, and when the response has been sent") {
  Gate gate;
  TestServer server{[&](Call& call) {
                      call.respond(200, "ok");
                      if (call.path() == "/closing") call.answer();
                      gate.wait();
                    },
                    strict(), 4};
  Client left = server.client();
  REQUIRE(left.send(get("/")));
  REQUIRE(eventually([&] { return server.sum(&observe::Counters::requests_dispatched) == 1; }));
  left.reset();
  Client client = server.client();
  REQUIRE(client.send(get("/closing")));
  CHECK(read_response(client).status == 200);
  CHECK(eventually([&] { return server.app.overdue_ones == 2; }));
  CHECK_FALSE(client.readable(milliseconds{20}));  // it has its answer, and nothing else
  gate.open();
  CHECK(drained(server));
}

TEST_CASE("engine: request-timeout: what no thread takes gets a 503, and no thread is bothered with it") {
  Gate gate;
  std::atomic<int> called{0};
  TestServer server{[&](Call& call) {
                      ++called;
                      gate.wait();
                      call.respond(200, "ok");
                    },
                    strict(), 1};
  Client first = server.client();
  REQUIRE(first.send(get("/first")));
  REQUIRE(eventually([&] { return called == 1; }));
  Client second = server.client();
  REQUIRE(second.send(get("/second")));
  const ClientResponse response = read_response(second);
  CHECK(response.status == 503);
  CHECK(response.field("retry-after") == "1");
  CHECK(read_response(first).status == 504);
  gate.open();
  REQUIRE(second.send(get("/third")));
  CHECK(read_response(second).status == 200);
  CHECK(called == 2);
  CHECK(server.sum(&observe::Counters::requests_expired) == 1);
  CHECK(eventually([&] { return server.log.has("503 no app thread took the request within request-timeout"); }));
  CHECK(drained(server));
}

TEST_CASE("engine: request-timeout: several that no thread takes are answered, and the queue goes on behind them") {
  server::Options options = calm_options();
  options.limits.request_timeout = milliseconds{80};
  Gate gate;
  std::atomic<int> called{0};
  TestServer server{[&](Call& call) {
                      ++called;
                      if (call.path() == "/slow") gate.wait();
                      call.respond(200, "ok");
                    },
                    options, 1};
  Client slow = server.client();
  REQUIRE(slow.send(get("/slow")));
  REQUIRE(eventually([&] { return called == 1; }));
  std::vector<Client> others;
  for (int i = 0; i < 6; ++i) {
    others.push_back(server.client());
    REQUIRE(others.back().send(get("/waits")));
  }
  CHECK(read_response(slow).status == 504);
  for (Client& client : others) CHECK(read_response(client).status == 503);
  gate.open();
  for (Client& client : others) {
    REQUIRE(client.send(get("/again")));
    CHECK(read_response(client).status == 200);
  }
  CHECK(called == 7);
  CHECK(server.sum(&observe::Counters::requests_expired) == 6);
  CHECK(drained(server));
}

TEST_CASE("engine: soft-request-timeout: somebody is told, once, and nothing happens to the request") {
  server::Options options = calm_options();
  options.limits.soft_request_timeout = milliseconds{30};
  Gate gate;
  TestServer server{[&](Call& call) {
                      if (call.path() == "/slow") gate.wait();
                      call.respond(200, "ok");
                    },
                    options};
  Client client = server.client();
  REQUIRE(client.send(get("/slow")));
  CHECK(eventually([&] { return server.app.slow == 1; }));
  CHECK_FALSE(client.readable(milliseconds{100}));
  gate.open();
  CHECK(read_response(client).status == 200);
  for (int i = 0; i < 20; ++i) {
    REQUIRE(client.send(get("/")));
    CHECK(read_response(client).status == 200);
    std::this_thread::sleep_for(milliseconds{3});
  }
  CHECK(server.app.slow == 1);
  CHECK(server.app.overdue_ones == 0);
  CHECK(server.sum(&observe::Counters::slow_requests) == 1);
}

TEST_CASE("engine: a hijacked connection is out of request-timeout's reach") {
  Gate gate;
  TestServer server{[&](Call& call) {
                      call.exchange.signal(Exchange::kHijack);
                      auto socket = call.exchange.handoff.wait();
                      REQUIRE(socket->ok());
                      gate.wait();
                      call.keep();
                      call.exchange.signal(Exchange::kReleased);
                    },
                    strict()};
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  std::this_thread::sleep_for(kShort * 3);
  CHECK(server.app.overdue_ones == 0);
  gate.open();
  CHECK(drained(server));
}

}  // namespace hyperion::test
