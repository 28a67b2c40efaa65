// The engine, end to end: limits under load.
#include <sys/socket.h>

#include <utility>

#include "server/engine_rig.hpp"
#ifdef HYPERION_LIBURING
#include "net/uring_loop.hpp"
#endif

namespace hyperion::test {
namespace {

void say_ok(Call& call) { call.respond(200, "ok"); }

class FixedAnswer final : public serve::Responder {
 public:
  serve::Verdict respond(Exchange& exchange) noexcept override {
    if (exchange.request.view(exchange.request.path) != "/native") return serve::Verdict::not_mine;
    exchange.response.bytes = "native";
    return serve::Verdict::answered;
  }
};

// The status that a new connection gets for a GET; 0: closed without a word.
int status_of_new(const TestServer& server, std::string_view path = "/") {
  Client client = server.client();
  client.send(get(path));
  return read_response(client).status;
}

// Holds the I/O thread up when it has dispatched the first request. When the turn is over in which it dispatched the
// second one: have the bytes for `waiting` left?
class SentFirst final : public FakeApp::Witness {
 public:
  explicit SentFirst(const Client& waiting) : waiting_(waiting) {}

  void dispatched() noexcept override {
    if (++dispatched_ > 1) return;
    held = true;
    go_on.wait();
  }
  void turn_ended() noexcept override {
    if (dispatched_ < 2 || std::exchange(looked_, true)) return;
    char byte = 0;
    seen = ::recv(waiting_.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1 ? 1 : 0;
  }

  std::atomic<bool> held{false};
  std::atomic<int> seen{-1};
  Gate go_on;

 private:
  const Client& waiting_;
  int dispatched_ = 0;
  bool looked_ = false;
};

bool active(const TestServer& server, uint64_t count) {
  return eventually([&] { return server.sum(&observe::Counters::connections_active) == count; });
}

}  // namespace

TEST_CASE("engine: max-pending lets so many wait; over it 503 with retry-after, and native answers go on") {
  server::Options options = calm_options();
  options.max_pending = 2;
  Gate gate;
  std::atomic<int> inside{0};
  FixedAnswer fixed;
  TestServer server{[&](Call& call) {
                      ++inside;
                      gate.wait();
                      say_ok(call);
                    },
                    options,
                    1,
                    {&fixed}};
  std::vector<Client> served;
  for (int i = 0; i < 3; ++i) {
    served.push_back(server.client());
    REQUIRE(served.back().send(get("/")));
    REQUIRE(eventually([&] { return server.sum(&observe::Counters::requests_dispatched) == uint64_t(i + 1); }));
    if (i == 0) REQUIRE(eventually([&] { return inside == 1; }));
  }
  Client over = server.client();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(over.send(get("/over")));
    const ClientResponse response = read_response(over);  // and the connection goes on
    CHECK(response.status == 503);
    CHECK(response.field("retry-after") == "1");
    CHECK(response.body == "Service Unavailable\n");
    REQUIRE(over.send(get("/native")));
    CHECK(read_response(over).body == "native");
  }
  REQUIRE(over.send(post("/over", std::string(10'000, 'x')) + get("/native")));
  CHECK(read_response(over).status == 503);
  CHECK(read_response(over).body == "native");
  gate.open();
  for (Client& client : served) CHECK(read_response(client).status == 200);
  REQUIRE(over.send(get("/")));
  CHECK(read_response(over).status == 200);
  CHECK(server.sum(&observe::Counters::rejected_pending) == 4);
  CHECK(server.sum(&observe::Counters::requests_dispatched) == 4);
  CHECK(eventually([&] { return server.log.has("max-pending is 2"); }));
  CHECK(eventually([&] { return server.log.has("GET /over 503 "); }));
}

TEST_CASE("engine: max-pending counts nobody whom a free thread will take") {
  server::Options options = calm_options();
  options.max_pending = 1;
  Gate gate;
  TestServer server{[&](Call& call) {
                      gate.wait();
                      say_ok(call);
                    },
                    options, 4};
  // One turn of the loop: nothing is taken meanwhile.
  std::vector<Client> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(server.client());
  REQUIRE(active(server, 5));
  for (Client& client : clients) REQUIRE(client.send(get("/")));
  REQUIRE(eventually([&] { return server.sum(&observe::Counters::requests_dispatched) == 5; }));
  gate.open();
  for (Client& client : clients) CHECK(read_response(client).status == 200);
  CHECK(server.sum(&observe::Counters::rejected_pending) == 0);
}

TEST_CASE("engine: max-in-flight-per-conn: a connection waits for its own, others do not") {
  server::Options options = calm_options();
  options.max_in_flight_per_connection = 1;
  FixedAnswer fixed;
  std::atomic<Exchange*> kept{nullptr};
  std::atomic<int> called{0};
  TestServer server{[&](Call& call) {
                      ++called;
                      say_ok(call);
                      if (call.path() != "/slow-close") return;
                      // Answered, but not released: the application is busy with it still.
                      call.keep();
                      kept = &call.exchange;
                      call.answer();
                    },
                    options,
                    3,
                    {&fixed}};
  Client client = server.client();
  REQUIRE(client.send(get("/slow-close")));
  CHECK(read_response(client).status == 200);
  REQUIRE(client.send(get("/native") + get("/next")));
  CHECK(read_response(client).body == "native");
  REQUIRE(eventually([&] { return server.sum(&observe::Counters::requests_held_back) == 1; }));
  CHECK(status_of_new(server) == 200);
  CHECK_FALSE(client.readable(milliseconds{30}));
  CHECK(called == 2);
  kept.load()->signal(Exchange::kReleased);
  CHECK(read_response(client).status == 200);
  CHECK(called == 3);
  // A client that leaves while its request waits, and one whose exchange outlives its connection.
  REQUIRE(client.send(get("/slow-close")));
  CHECK(read_response(client).status == 200);
  REQUIRE(client.send(get("/never")));
  REQUIRE(eventually([&] { return server.sum(&observe::Counters::requests_held_back) == 2; }));
  client.reset();
  CHECK(active(server, 0));
  kept.load()->signal(Exchange::kReleased);
  server.engine.drain();
  CHECK(server.engine.wait_drained(kPatience));
  CHECK(called == 4);
}

TEST_CASE("engine: max-connections, all I/O threads together: one too many gets a 503, and a place when one is free") {
  server::Options options = calm_options();
  options.max_connections = 3;
  options.io_threads = 2;
  TestServer server{say_ok, options};
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(server.client());
    REQUIRE(clients.back().send(get("/")));
    CHECK(read_response(clients.back()).status == 200);
  }
  for (int i = 0; i < 3; ++i) {
    Client over = server.client();
    const std::string answer = over.read_all();
    CHECK(answer.substr(0, 12) == "HTTP/1.1 503");
    CHECK(answer.find("retry-after: 1\r\nconnection: close\r\n") != std::string::npos);
  }
  CHECK(server.sum(&observe::Counters::rejected_connections) == 3);
  CHECK(server.sum(&observe::Counters::connections_accepted) == 3);
  CHECK(eventually([&] { return server.log.has("max-connections is 3: 127.0.0.1"); }));
  for (Client& client : clients) {  // those who are in notice nothing
    REQUIRE(client.send(get("/")));
    CHECK(read_response(client).status == 200);
  }
  clients.pop_back();
  CHECK(active(server, 2));
  CHECK(eventually([&] { return status_of_new(server) == 200; }));
}

TEST_CASE("engine: at max-connections those that are idle for long make room, and nobody else") {
  server::Options options = calm_options();
  options.max_connections = 2;
  Gate gate;
  TestServer server{[&](Call& call) {
                      if (call.path() == "/busy") gate.wait();
                      say_ok(call);
                    },
                    options};
  Client idle = server.client();
  REQUIRE(idle.send(get("/")));
  CHECK(read_response(idle).status == 200);
  Client busy = server.client();
  REQUIRE(busy.send(get("/busy")));
  CHECK(status_of_new(server) == 503);  // a moment is not long
  std::this_thread::sleep_for(milliseconds{1050});
  Client fresh = server.client();
  REQUIRE(fresh.send(get("/")));
  CHECK(read_response(fresh).status == 200);
  CHECK(idle.read_all().empty());
  CHECK_FALSE(idle.was_reset());
  CHECK(server.sum(&observe::Counters::connections_evicted) == 1);
  gate.open();
  CHECK(read_response(busy).status == 200);
  CHECK(active(server, 2));
}

TEST_CASE("engine: what is there for clients leaves before an app thread is called") {
  FixedAnswer fixed;
  TestServer server{say_ok, calm_options(), 1, {&fixed}};
  Client first = server.client();
  Client answered = server.client();
  Client second = server.client();
  for (Client* client : {&first, &answered, &second}) {
    REQUIRE(client->send(get("/native")));
    REQUIRE(read_response(*client).status == 200);
  }
  SentFirst witness{answered};
  server.app.witness = &witness;
  REQUIRE(first.send(get("/")));
  REQUIRE(eventually([&] { return witness.held.load(); }));
  // Both in one turn: a request that is answered in it, and one for the application.
  REQUIRE(answered.send(get("/native")));
  REQUIRE(second.send(get("/")));
  witness.go_on.open();
  for (Client* client : {&first, &second, &answered}) CHECK(read_response(*client).status == 200);
  CHECK(witness.seen == 1);
  server.stop();
}

TEST_CASE("engine: max-connections-per-address: each address by itself") {
  server::Options options = calm_options();
  options.max_connections_per_address = 2;
  TestServer server{say_ok, options};
  const auto from = [&](const char* address) { return Client{connect_from(address, server.port)}; };
  std::vector<Client> clients;
  for (const char* address : {"127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"}) {
    clients.push_back(from(address));
    REQUIRE(clients.back().send(get("/")));
    CHECK(read_response(clients.back()).status == 200);
  }
  for (const char* address : {"127.0.0.1", "127.0.0.2"}) {
    Client over = from(address);
    CHECK(over.read_all().substr(0, 12) == "HTTP/1.1 503");
  }
  CHECK(server.sum(&observe::Counters::rejected_connections) == 2);
  CHECK(eventually([&] { return server.log.has("max-connections-per-address is 2: 127.0.0."); }));
  clients.erase(clients.begin());
  CHECK(active(server, 3));
  CHECK(eventually([&] { return status_of_new(server) == 200; }));
}

#ifdef HYPERION_LIBURING
TEST_CASE("engine: over io_uring a request costs less than one enter, where requests come together") {
  server::Options options = calm_options();
  options.loop = net::LoopWish::prefer_io_uring;
  FixedAnswer fixed;
  TestServer server{say_ok, options, 1, {&fixed}};
  if (server.engine.loop_name() != "io_uring") return;
  constexpr int kBursts = 50;
  constexpr int kRequests = 16;
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(server.client());
  std::string burst;
  for (int i = 0; i < kRequests; ++i) burst += get("/native");
  for (int round = 0; round < kBursts; ++round) {
    for (Client& client : clients) REQUIRE(client.send(burst));
    for (Client& client : clients) {
      for (int i = 0; i < kRequests; ++i) REQUIRE(read_response(client).status == 200);
    }
  }
  const uint64_t requests = server.sum(&observe::Counters::requests);
  CHECK(requests == uint64_t{kBursts} * kRequests * clients.size());
  server.stop();  // then the ring is nobody's
  auto* ring = dynamic_cast<net::UringLoop*>(&server.engine.workers().front()->loop());
  REQUIRE(ring != nullptr);
  // At worst one that brings a burst and one that sends the answers, and a few at the beginning and the end.
  CHECK(ring->enters() <= requests / 4);
}
#endif

}  // namespace hyperion::test
