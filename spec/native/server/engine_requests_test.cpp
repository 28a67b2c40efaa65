// The engine, end to end: requests and answers on connections that stay.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "server/engine_rig.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

// Says what it was asked.
void echo(Call& call) {
  call.respond(200, std::string{call.method()} + " " + std::string{call.path()} + " " + call.body());
}

}  // namespace

TEST_CASE("engine: a connection serves one request after another") {
  TestServer server{echo};
  Client client = server.client();
  for (int i = 0; i < 100; ++i) {
    const std::string path = "/" + std::to_string(i);
    REQUIRE(client.send(i % 2 == 0 ? get(path) : post(path, "body" + path)));
    const ClientResponse response = read_response(client);
    REQUIRE(response.status == 200);
    CHECK(response.body == (i % 2 == 0 ? "GET " + path + " " : "POST " + path + " body" + path));
    CHECK_FALSE(response.field("date").empty());
  }
  CHECK(server.sum(&observe::Counters::connections_accepted) == 1);
  CHECK(server.sum(&observe::Counters::requests) == 100);
  CHECK(eventually([&] { return server.log.has("GET /98 200"); }));
}

TEST_CASE("engine: a request that comes byte by byte") {
  TestServer server{echo};
  Client client = server.client();
  for (const char c : post("/slow", "hello")) REQUIRE(client.send({&c, 1}));
  CHECK(read_response(client).body == "POST /slow hello");
}

TEST_CASE("engine: pipelined requests are answered in order, by several threads too") {
  TestServer server{[](Call& call) {
                      // The later ones are the faster ones.
                      if (call.path() == "/0") std::this_thread::sleep_for(milliseconds{20});
                      echo(call);
                    },
                    calm_options(), 4};
  Client client = server.client();
  std::string requests;
  for (int i = 0; i < 300; ++i) {
    requests += i % 3 == 0 ? post("/" + std::to_string(i), std::string(static_cast<size_t>(i), 'b'))
                           : get("/" + std::to_string(i));
  }
  REQUIRE(client.send(requests));
  for (int i = 0; i < 300; ++i) {
    const std::string path = "/" + std::to_string(i);
    const std::string wanted =
        i % 3 == 0 ? "POST " + path + " " + std::string(static_cast<size_t>(i), 'b') : "GET " + path + " ";
    REQUIRE(read_response(client).body == wanted);
  }
}

TEST_CASE("engine: a client that pipelines without end and never reads is held up, not stored") {
  std::atomic<uint64_t> served{0};
  TestServer server{[&](Call& call) {
    ++served;
    call.respond(200, std::string(2000, 'x'));
  }};
  Client greedy = server.client();
  shrink_buffers(greedy.fd(), 256 * 1024);
  std::atomic<uint64_t> sent{0};
  std::thread flood{[&] {
    const std::string request = get("/flood");
    std::string batch;
    while (batch.size() < 60'000) batch += request;
    // Ends when the server stops it: by a full socket first, by closing in the end.
    while (sent < 64'000'000 && greedy.send(batch)) sent += batch.size();
  }};
  // Nothing moves any more: neither requests nor bytes.
  uint64_t before = 1;
  CHECK(eventually([&] {
    const uint64_t now = served.load() + sent.load();
    const bool still = now == before;
    before = now;
    std::this_thread::sleep_for(milliseconds{50});
    return still;
  }));
  // What the sockets between them hold, and little more.
  CHECK(sent.load() < 24'000'000);
  const uint64_t received = server.sum(&observe::Counters::bytes_read);
  CHECK(received < served.load() * get("/flood").size() + server.received_ahead());
  // Meanwhile everybody else is served.
  Client modest = server.client();
  REQUIRE(modest.send(get("/modest")));
  CHECK(read_response(modest).status == 200);
  // A client that begins to read gets its answers.
  CHECK(greedy.read(2'000'000).size() == 2'000'000);
  server.stop();
  flood.join();
}

TEST_CASE("engine: a client that asks one thing after the other and never reads is held up as well") {
  const std::string body = pattern(1'000'000);
  std::atomic<uint64_t> served{0};
  TestServer server{[&](Call& call) {
    ++served;
    call.respond(200, body);
  }};
  Client greedy = server.client();
  shrink_buffers(greedy.fd(), 256 * 1024);
  // Each request is answered before the next one comes: none ever waits in the session.
  uint64_t asked = 0;
  do {
    std::this_thread::sleep_for(milliseconds{5});
    REQUIRE(greedy.send(get("/")));
    ++asked;
  } while (asked < 100 && eventually([&] { return served == asked; }, milliseconds{500}));
  CHECK(asked < 30);
  // Once it reads it has all of them.
  for (uint64_t i = 0; i < asked; ++i) {
    const ClientResponse response = read_response(greedy);
    REQUIRE(response.status == 200);
    CHECK((response.body == body));
  }
}

TEST_CASE("engine: a pipelining client does not starve another") {
  TestServer server{[](Call& call) { call.respond(200, "ok"); }, calm_options(), 1};
  Client greedy = server.client();
  std::atomic<bool> over{false};
  std::atomic<uint64_t> greedy_answers{0};
  std::thread writer{[&] {
    std::string batch;
    for (int i = 0; i < 500; ++i) batch += get("/greedy");
    while (!over && greedy.send(batch)) {
    }
  }};
  std::thread reader{[&] {
    Client other{base::UniqueFd{::fcntl(greedy.fd(), F_DUPFD_CLOEXEC, 0)}};
    while (!over && read_response(other).status == 200) ++greedy_answers;
  }};
  CHECK(eventually([&] { return greedy_answers > 1000; }));
  Client modest = server.client();
  uint64_t worst = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t before = greedy_answers;
    REQUIRE(modest.send(get("/modest")));
    REQUIRE(read_response(modest).status == 200);
    worst = std::max(worst, greedy_answers - before);
  }
  over = true;
  server.stop();
  reader.join();
  writer.join();
  // One answer here for each of its own; slack for what this test's threads miss while they wait for a core.
  CHECK(worst < 5000);
}

TEST_CASE("engine: several I/O threads share the work") {
  server::Options options = calm_options();
  options.io_threads = 4;
  TestServer server{echo, options, 3};
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        Client client = server.client();
        for (int request = 0; request < 20; ++request) {
          const std::string path = "/" + std::to_string(i * 1000 + round * 100 + request);
          client.send(get(path));
          if (read_response(client).body == "GET " + path + " ") ++good;
        }
      }
    });
  }
  for (std::thread& thread : clients) thread.join();
  CHECK(good == 1600);
  CHECK(server.engine.workers().size() == 4);
  CHECK(server.sum(&observe::Counters::requests) == 1600);
}

TEST_CASE("engine: several engines in one process know nothing of each other") {
  TestServer first{[](Call& call) { call.respond(200, "first"); }};
  auto second = std::make_unique<TestServer>([](Call& call) { call.respond(200, "second"); });
  CHECK(first.port != second->port);
  Client one = first.client();
  Client two = second->client();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(one.send(get("/")));
    REQUIRE(two.send(get("/")));
    CHECK(read_response(one).body == "first");
    CHECK(read_response(two).body == "second");
  }
  second.reset();
  CHECK(two.read_all().empty());
  REQUIRE(one.send(get("/")));
  CHECK(read_response(one).body == "first");
  CHECK(first.sum(&observe::Counters::requests) == 4);
}

TEST_CASE("engine: a unix socket is a front door, too") {
  LogFile log;
  server::Options options = calm_options();
  options.log.out_fd = options.log.error_fd = log.fd();
  FakeApp app{1, [](Call& call) { call.respond(200, std::string{call.exchange.origin.remote()}); }};
  server::Engine engine{options, app};
  const std::string path = "@hyperion-engine-" + std::to_string(::getpid());
  REQUIRE(engine.listen_unix(path, -1).ok());
  REQUIRE(engine.listen_tcp("127.0.0.1", 0).ok());
  REQUIRE(engine.start().ok());
  Client client{connect_unix(path)};
  REQUIRE(client.send(get("/")));
  CHECK(read_response(client).body == "127.0.0.1");
  engine.stop();
  app.close();  // its threads ring the engine
}

}  // namespace hyperion::test
