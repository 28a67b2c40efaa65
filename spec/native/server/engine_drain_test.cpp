// The engine, end to end: draining and stopping.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "server/engine_rig.hpp"
#include "support/few_descriptors.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

void say_ok(Call& call) { call.respond(200, "ok"); }

// Holds the I/O thread itself for as long as a test wants.
class Stopper final : public serve::Responder {
 public:
  serve::Verdict respond(Exchange& exchange) noexcept override {
    if (exchange.request.view(exchange.request.path) != "/stopper") return serve::Verdict::not_mine;
    inside.open();
    gate.wait();
    return serve::Verdict::answered;
  }

  Gate inside;
  Gate gate;
};

// One request in flight, which is answered when the gate is opened.
struct InFlight {
  InFlight() {
    REQUIRE(client.send(get("/")));
    CHECK(eventually([&] { return server.sum(&observe::Counters::requests) == 1; }));
  }

  Gate gate;
  TestServer server{[this](Call& call) {
    gate.wait();
    say_ok(call);
  }};
  Client client = server.client();
};

}  // namespace

TEST_CASE("engine: draining ends what is idle") {
  server::Options options = calm_options();
  SUBCASE("one I/O thread") { options.io_threads = 1; }
  SUBCASE("three") { options.io_threads = 3; }
  TestServer server{say_ok, options};
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(server.client());
    if (i % 2 == 0) continue;
    REQUIRE(clients.back().send(get("/")));
    CHECK(read_response(clients.back()).status == 200);
  }
  CHECK_FALSE(server.engine.wait_drained(milliseconds{0}));
  server.engine.drain();
  server.engine.drain();
  CHECK(server.engine.wait_drained(kPatience));
  CHECK(server.engine.wait_drained(base::Duration::max()));
  for (Client& client : clients) {
    CHECK(client.read_all().empty());
    CHECK_FALSE(client.was_reset());
  }
}

TEST_CASE("engine: draining ends what has rested, and what has said nothing that counts") {
  TestServer server{say_ok};
  Client rested = server.client();
  REQUIRE(rested.send(get("/")));
  CHECK(read_response(rested).status == 200);
  Client line = server.client();
  REQUIRE(line.send("\r"));
  std::this_thread::sleep_for(milliseconds{1100});
  server.engine.drain();
  for (Client* client : {&rested, &line}) {
    CHECK(client->read_all().empty());
    CHECK_FALSE(client->was_reset());
  }
  // Both stay, and hold nothing up.
  CHECK(server.engine.wait_drained(kPatience));
}

TEST_CASE("engine: draining serves what is under way and refuses what is new") {
  Gate gate;
  std::atomic<int> inside{0};
  TestServer server{[&](Call& call) {
                      ++inside;
                      gate.wait();
                      call.respond(200, call.body());
                    },
                    calm_options(), 4};
  Client waiting = server.client();
  REQUIRE(waiting.send(get("/")));
  Client pipelined = server.client();
  REQUIRE(pipelined.send(get("/") + get("/")));
  Client sending = server.client();
  REQUIRE(sending.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\nhalf"));
  CHECK(eventually([&] { return inside == 2 && server.sum(&observe::Counters::connections_active) == 3; }));

  server.engine.drain();
  CHECK(eventually([&] { return !connect_tcp(server.port).valid(); }));
  CHECK_FALSE(server.engine.wait_drained(milliseconds{20}));
  REQUIRE(sending.send("half"));
  CHECK(eventually([&] { return inside == 3; }));
  gate.open();
  for (Client* client : {&waiting, &pipelined, &sending}) {
    const ClientResponse response = read_response(*client);
    CHECK(response.status == 200);
    CHECK(response.field("connection") == "close");
    if (client == &sending) CHECK(response.body == "halfhalf");
    CHECK(client->read_all().empty());
    CHECK_FALSE(client->was_reset());
    client->close();  // one that pipelined is given time to see its response
  }
  CHECK(server.engine.wait_drained(kPatience));
}

TEST_CASE("engine: a client that sends on while the server stops does not lose its last response to a reset") {
  InFlight in_flight;
  auto& [gate, server, client] = in_flight;
  server.engine.drain();
  CHECK(eventually([&] { return !connect_tcp(server.port).valid(); }));
  gate.open();
  CHECK(eventually([&] { return server.sum(&observe::Counters::bytes_written) > 0; }));
  // Requests that were on their way.
  const base::Instant begin = base::now();
  while (since(begin) < milliseconds{400}) {
    REQUIRE(client.send(get("/late")));
    std::this_thread::sleep_for(milliseconds{10});
  }
  const ClientResponse response = read_response(client);
  CHECK(response.status == 200);
  CHECK(response.field("connection") == "close");
  CHECK(client.read_all().empty());
  CHECK_FALSE(client.was_reset());
  client.close();
  CHECK(server.engine.wait_drained(kPatience));
  CHECK(server.sum(&observe::Counters::requests) == 1);
}

TEST_CASE("engine: a client that takes its last response late does not lose it when the server stops") {
  constexpr size_t kSize = 400'000;  // more than the client's window, less than the server's buffer
  Gate gate;
  TestServer server{[&](Call& call) {
    gate.wait();
    call.respond(200, std::string(kSize, 'x'));
  }};
  Client client = server.client();
  REQUIRE(client.send(get("/") + get("/late")));
  CHECK(eventually([&] { return server.sum(&observe::Counters::requests) == 1; }));
  server.engine.drain();
  gate.open();
  CHECK(eventually([&] { return server.sum(&observe::Counters::bytes_written) > kSize; }));
  // Longer than a client that has everything is given. A socket that is closed by then answers with a reset.
  std::this_thread::sleep_for(milliseconds{700});
  CHECK(client.send(get("/later")));
  std::this_thread::sleep_for(milliseconds{50});
  CHECK(read_response(client).body.size() == kSize);
  CHECK(client.read_all().empty());
  CHECK_FALSE(client.was_reset());
  client.close();
  CHECK(server.engine.wait_drained(kPatience));
}

TEST_CASE(
    "engine: a client that was not told of the end, and asks on, does not lose the response that it still reads") {
  constexpr size_t kSize = 400'000;  // more than the client's window, less than the server's buffer
  TestServer server{[&](Call& call) { call.respond(200, std::string(kSize, 'x')); }};
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  CHECK(eventually([&] { return server.sum(&observe::Counters::bytes_written) > kSize; }));
  server.engine.drain();
  CHECK(eventually([&] { return !connect_tcp(server.port).valid(); }));
  CHECK(client.send(get("/late")));
  const ClientResponse response = read_response(client);
  CHECK(response.status == 200);
  CHECK(response.body.size() == kSize);
  CHECK(response.field("connection") != "close");
  CHECK(client.read_all().empty());
  CHECK_FALSE(client.was_reset());
  client.close();
  CHECK(server.engine.wait_drained(kPatience));
  CHECK(server.sum(&observe::Counters::requests) == 1);
}

TEST_CASE("engine: a client that asks on while the server stops is served once more, and told so") {
  // It has a moment for that, which a busy machine may take from it.
  const auto served_once_more = [] {
    TestServer server{say_ok};
    Client client = server.client();
    REQUIRE(client.send(get("/")));
    CHECK(read_response(client).field("connection") != "close");
    server.engine.drain();
    std::this_thread::sleep_for(milliseconds{10});
    if (!client.send(get("/once-more"))) return false;
    const ClientResponse response = read_response(client);
    const bool ended = client.read_all().empty() && !client.was_reset();
    client.close();
    CHECK(server.engine.wait_drained(kPatience));
    CHECK(server.sum(&observe::Counters::read_timeouts) == 0);
    return response.status == 200 && response.field("connection") == "close" && ended;
  };
  CHECK(eventually(served_once_more));
}

TEST_CASE("engine: a client that stays when the server stops does not hold it up") {
  InFlight in_flight;
  auto& [gate, server, client] = in_flight;
  server.engine.drain();
  gate.open();
  CHECK(read_response(client).status == 200);
  CHECK(server.engine.wait_drained(std::chrono::seconds{4}));  // less than the time to linger otherwise
}

TEST_CASE("engine: what waits in the backlog when draining begins is accepted and served") {
  Stopper stopper;
  TestServer server{say_ok, calm_options(), 2, {&stopper}};
  Client first = server.client();
  REQUIRE(first.send(get("/stopper")));
  stopper.inside.wait();
  std::vector<Client> backlog;
  for (int i = 0; i < 30; ++i) {
    backlog.push_back(server.client());
    if (i % 2 == 0) REQUIRE(backlog.back().send(get("/")));
  }
  server.engine.drain();
  stopper.gate.open();
  // The head of every other request comes only after the drain has begun.
  for (size_t i = 1; i < backlog.size(); i += 2) REQUIRE(backlog[i].send(get("/")));
  CHECK(read_response(first).status == 200);
  for (Client& client : backlog) {
    const ClientResponse response = read_response(client);
    CHECK(response.status == 200);
    CHECK(response.field("connection") == "close");
  }
  CHECK(server.engine.wait_drained(kPatience));
}

TEST_CASE("engine: a wait for the drain can be interrupted, also before it begins") {
  Gate gate;
  TestServer server{[&](Call& call) {
    gate.wait();
    say_ok(call);
  }};
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  CHECK(eventually([&] { return server.sum(&observe::Counters::requests) == 1; }));
  server.engine.drain();
  server.engine.interrupt_wait();
  CHECK_FALSE(server.engine.wait_drained(base::Duration::max()));
  std::thread other{[&] {
    std::this_thread::sleep_for(milliseconds{10});
    server.engine.interrupt_wait();
  }};
  CHECK_FALSE(server.engine.wait_drained(base::Duration::max()));
  other.join();
  gate.open();
  CHECK(server.engine.wait_drained(kPatience));
}

TEST_CASE("engine: stopping is immediate, whatever is under way") {
  Gate gate;
  std::atomic<bool> gone{false};
  std::atomic<int> inside{0};
  TestServer server{[&](Call& call) {
                      if (call.path() == "/stream") {
                        http::BodyPipe& pipe = call.open_stream({}, false);
                        ++inside;
                        const std::string piece(100'000, 'x');
                        while (call.write(piece)) {
                        }
                        pipe.finish(false);
                        return;
                      }
                      ++inside;
                      gate.wait();
                      gone = call.exchange.gone();
                      call.respond(200, std::string(1000, 'x'));
                    },
                    calm_options(), 3};
  Client idle = server.client();
  Client waiting = server.client();
  Client streaming = server.client();
  Client half = server.client();
  REQUIRE(waiting.send(get("/wait")));
  REQUIRE(streaming.send(get("/stream")));
  REQUIRE(half.send("POST / HT"));
  CHECK(eventually([&] { return inside == 2 && server.sum(&observe::Counters::connections_active) == 4; }));
  const base::Instant begin = base::now();
  server.engine.stop();
  CHECK(since(begin) < std::chrono::seconds{10});
  for (Client* client : {&idle, &waiting, &streaming, &half}) {
    client->read_all();
    CHECK(client->ended());
  }
  CHECK_FALSE(connect_tcp(server.port).valid());
  // The answerer's exchange is still there.
  CHECK(server.engine.exchanges_held() >= 1);
  gate.open();
  server.app.close();
  CHECK(gone);
  CHECK(server.engine.exchanges_held() == 0);
  server.engine.stop();
}

TEST_CASE("engine: an engine that never started, or could not, goes quietly") {
  LogFile log;
  server::Options options = calm_options();
  options.log.out_fd = options.log.error_fd = log.fd();
  FakeApp app{1, say_ok};
  { const server::Engine untouched{options, app}; }
  server::Engine engine{options, app};
  engine.stop();
  engine.drain();
  REQUIRE(engine.listen_tcp("127.0.0.1", 0).ok());
  const uint16_t port = engine.listeners().front().port();
  server::Engine second{options, app};
  CHECK(second.listen_tcp("127.0.0.1", port).error().os_errno == EADDRINUSE);
  engine.stop();
}

TEST_CASE("engine: servers come and go in one process without leaving anything") {
  const auto round = [] {
    server::Options options = calm_options();
    options.io_threads = 2;
    options.limits.body_memory = 100;
    TestServer server{say_ok, options};
    Client client = server.client();
    REQUIRE(client.send(post("/", std::string(1000, 'x'))));
    CHECK(read_response(client).status == 200);
    REQUIRE(client.send("GET / HT"));
  };
  round();
  const size_t before = open_descriptors();
  for (int i = 0; i < 20; ++i) round();
  CHECK(open_descriptors() == before);
}

TEST_CASE("engine: nobody who was told that it is connected goes without an answer when a drain meets traffic") {
  // Each round lasts a second: for as long a client waits whose SYN came too late.
  for (int round = 0; round < 10; ++round) {
    server::Options options = calm_options();
    options.io_threads = round % 2 == 0 ? 1 : 3;
    TestServer server{say_ok, options, 2};
    std::atomic<bool> over{false};
    std::atomic<int> lost{0};
    std::atomic<int> served{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&] {
        while (!over) {
          base::UniqueFd fd = connect_tcp(server.port);
          if (!fd) return;  // refused
          Client client{std::move(fd)};
          const bool sent = client.send(get("/"));
          ++(sent && read_response(client).status == 200 ? served : lost);
        }
      });
    }
    CHECK(eventually([&] { return served > 50; }));
    server.engine.drain();
    CHECK(server.engine.wait_drained(kPatience));
    over = true;
    server.stop();
    for (std::thread& thread : clients) thread.join();
    CHECK(lost == 0);
  }
}

TEST_CASE("engine: a drain without a free descriptor loses nobody in the backlog, and ends") {
  server::Options options = calm_options();
  int waiting = 5;
  SUBCASE("one I/O thread") { options.io_threads = 1; }
  SUBCASE("three") { options.io_threads = 3; }
  SUBCASE("nobody waits") { waiting = 0; }
  FewDescriptors few;
  TestServer server{say_ok, options};
  std::vector<base::UniqueFd> sockets;
  for (int i = 0; i < waiting; ++i) sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  few.take_all();
  std::vector<Client> clients;
  for (base::UniqueFd& socket : sockets) {
    REQUIRE(connect_tcp(socket, server.port));
    clients.emplace_back(std::move(socket));
    REQUIRE(clients.back().send(get("/")));
  }
  server.engine.drain();
  // In any order, one after another: each is accepted where the one before was.
  for (Client& client : clients) {
    CHECK(read_response(client).status == 200);
    CHECK(client.read_all().empty());
    CHECK_FALSE(client.was_reset());
  }
  CHECK(server.engine.wait_drained(kPatience));
}

TEST_CASE("engine: a drain without a free descriptor leaves a backlog to who has the socket, too") {
  FewDescriptors few;
  Gate gate;
  TestServer server{[&](Call& call) {
    gate.wait();
    say_ok(call);
  }};
  auto copies = server.engine.hand_on();
  REQUIRE(copies.ok());
  Client busy = server.client();
  REQUIRE(busy.send(get("/")));
  REQUIRE(eventually([&] { return server.sum(&observe::Counters::requests) == 1; }));
  const base::UniqueFd waiting[] = {base::UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)},
                                    base::UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}};
  few.take_all();
  for (const base::UniqueFd& socket : waiting) REQUIRE(connect_tcp(socket, server.port));
  server.engine.drain();
  gate.open();
  CHECK(read_response(busy).status == 200);
  // The client stays, so its connection gives no descriptor back before the loops have let go of the listener.
  CHECK(server.engine.wait_drained(kPatience));
  few.give_back();
  const int theirs = copies.value().front().get();
  for (int i = 0; i < 2; ++i) CHECK(base::UniqueFd{::accept(theirs, nullptr, nullptr)}.valid());
}

TEST_CASE("engine: sockets are handed on all together or not at all") {
  char directory[] = "/tmp/hyperion-hand-on-XXXXXX";
  REQUIRE(::mkdtemp(directory) != nullptr);
  const std::string path = std::string{directory} + "/socket";
  FakeApp app{1, say_ok};
  FewDescriptors few;
  {
    server::Engine engine{calm_options(), app};
    REQUIRE(engine.listen_unix(path, -1).ok());
    REQUIRE(engine.listen_tcp("127.0.0.1", 0).ok());
    base::UniqueFd room{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    few.take_all();
    room.reset();  // enough for one of two
    CHECK(engine.hand_on().error().os_errno == EMFILE);
    few.give_back();
  }
  // It was still the engine's own.
  CHECK(::access(path.c_str(), F_OK) == -1);
  ::unlink(path.c_str());
  CHECK(::rmdir(directory) == 0);
}

}  // namespace hyperion::test
