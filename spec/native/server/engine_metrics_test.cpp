// The engine's numbers and its admin paths, end to end: counted once, whoever answers, on every I/O thread.
#include "observe/snapshot.hpp"
#include "server/admin_desk.hpp"
#include "server/engine_rig.hpp"

namespace hyperion::test {
namespace {

using observe::ConnectionState;
using observe::Counters;
using observe::Snapshot;

uint64_t count(const server::Engine& engine, http::Method method, std::string_view path, int status) {
  uint64_t all = 0;
  for (const auto& series : Snapshot{engine.area()}.durations()) {
    if (series.labels.method == method && engine.area().common().paths.text(series.labels.path) == path &&
        series.labels.status == observe::status_index(status)) {
      all += series.durations.count();
    }
  }
  return all;
}

// The admin paths of a server that is not the whole of Ruby's half.
struct Desk final : serve::AdminHost {
  Readiness readiness() const noexcept override {
    return engine != nullptr && engine->draining() ? Readiness::draining : Readiness::ready;
  }
  bool append_metrics(std::string& out) const noexcept override {
    server::append_metrics_page(out, *engine, {}, {}, nullptr);
    return true;
  }
  void quit() noexcept override { quits.fetch_add(1); }

  server::Engine* engine = nullptr;
  std::atomic<int> quits{0};
};

}  // namespace

TEST_CASE("engine: each request is measured once, with its method, shape and status") {
  server::Options options = calm_options();
  options.io_threads = 2;
  TestServer server{[](Call& call) { call.respond(call.path() == "/no" ? 404 : 200, "x"); }, options};
  for (int i = 0; i < 8; ++i) {
    Client client = server.client();
    REQUIRE(client.send(get("/users/" + std::to_string(i)) + post("/users", "b") + get("/no")));
    for (int j = 0; j < 3; ++j) read_response(client);
  }
  const server::Engine& engine = server.engine;
  REQUIRE(eventually([&] { return count(engine, http::Method::get, "other", 404) == 8; }));
  CHECK(count(engine, http::Method::get, "/users/:id", 200) == 8);
  CHECK(count(engine, http::Method::post, "/users", 200) == 8);
  CHECK(Snapshot{engine.area()}.status(observe::status_index(200)) == 16);
  CHECK(Snapshot{engine.area()}.answered(static_cast<size_t>(http::Answerer::app)) == 24);
  CHECK(server.sum(&Counters::requests_in_flight) == 0);
}

TEST_CASE("engine: what was no request is the server's answer, and malformed") {
  TestServer server{[](Call&) {}};
  Client client = server.client();
  REQUIRE(client.send("GET / HTTP/1.1\r\nno colon\r\n\r\n"));
  CHECK(read_response(client).status == 400);
  REQUIRE(eventually([&] { return server.sum(&Counters::parse_errors) == 1; }));
  REQUIRE(eventually(
      [&] { return Snapshot{server.engine.area()}.answered(static_cast<size_t>(http::Answerer::server)) == 1; }));
}

TEST_CASE("engine: connections are told by what they do, and leave nothing behind") {
  Gate gate;
  TestServer server{[&](Call& call) {
    gate.wait();
    call.respond(200, "x");
  }};
  const auto connections = [&](ConnectionState state) { return Snapshot{server.engine.area()}.connections(state); };
  {
    Client idle = server.client();
    Client reading = server.client();
    REQUIRE(reading.send("GET / HT"));
    Client waiting = server.client();
    REQUIRE(waiting.send(get("/")));
    REQUIRE(eventually([&] {
      return connections(ConnectionState::idle) == 1 && connections(ConnectionState::reading) == 1 &&
             connections(ConnectionState::waiting) == 1;
    }));
    CHECK(server.sum(&Counters::requests_in_flight) == 1);
    gate.open();
    read_response(waiting);
    REQUIRE(eventually([&] { return connections(ConnectionState::idle) == 2; }));
    CHECK(server.sum(&Counters::requests_in_flight) == 0);
  }
  REQUIRE(eventually([&] { return server.sum(&Counters::connections_active) == 0; }));
  for (size_t i = 0; i < observe::kConnectionStates; ++i) CHECK(connections(static_cast<ConnectionState>(i)) == 0);
}

TEST_CASE("engine: a client that leaves is no longer in flight, and 499") {
  Gate gate;
  TestServer server{[&](Call& call) {
    gate.wait();
    call.respond(200, "x");
  }};
  {
    Client client = server.client();
    REQUIRE(client.send(get("/slow")));
    REQUIRE(eventually([&] { return server.sum(&Counters::requests_in_flight) == 1; }));
    client.reset();
  }
  REQUIRE(eventually([&] { return server.sum(&Counters::requests_in_flight) == 0; }));
  CHECK(count(server.engine, http::Method::get, "/slow", 499) == 1);
  gate.open();
}

TEST_CASE("engine: the admin listener outlives the others, tells of the drain, and goes last") {
  Gate gate;
  Desk desk;
  serve::Admin admin{"", true, desk};
  LogFile log;
  FakeApp app{1, [&](Call& call) {
                gate.wait();
                call.respond(200, "x");
              }};
  server::Options options = calm_options();
  options.io_threads = 2;
  options.log.out_fd = options.log.error_fd = log.fd();
  server::Engine engine{options, app};
  desk.engine = &engine;
  engine.add_responder(admin);
  REQUIRE(engine.listen_tcp("127.0.0.1", 0).ok());
  REQUIRE(engine.listen_admin("127.0.0.1", 0).ok());
  REQUIRE(engine.start().ok());
  const uint16_t port = engine.listeners()[0].port();
  const uint16_t admin_port = engine.listeners()[1].port();
  const auto ask = [&](std::string_view path) {
    Client client{admin_port};
    return client.send(get(path)) ? read_response(client).status : 0;
  };
  Client client{port};
  REQUIRE(client.send(get("/")));
  REQUIRE(eventually([&] { return Snapshot{engine.area()}.total(&Counters::requests_in_flight) == 1; }));
  CHECK(ask("/-/readyz") == 200);
  engine.drain();
  for (int i = 0; i < 20; ++i) {
    CHECK(ask("/-/readyz") == 503);
    CHECK(ask("/-/metrics") == 200);
  }
  CHECK_FALSE(engine.wait_drained(milliseconds{1}));
  gate.open();
  CHECK(read_response(client).body == "x");
  CHECK(engine.wait_drained(std::chrono::seconds{30}));
  engine.stop();
  app.close();
}

}  // namespace hyperion::test
