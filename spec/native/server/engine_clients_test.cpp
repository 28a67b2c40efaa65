// The engine, end to end: clients that leave, go on talking, or come when there is no room.
#include <sys/socket.h>

#include "server/engine_rig.hpp"
#include "support/few_descriptors.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

void say_ok(Call& call) { call.respond(200, "ok"); }

bool serves(const TestServer& server) {
  Client client = server.client();
  return client.send(get("/")) && read_response(client).status == 200;
}

bool all_gone(const TestServer& server) {
  return eventually([&] { return server.sum(&observe::Counters::connections_active) == 0; });
}

}  // namespace

TEST_CASE("engine: an error response is not lost to a reset, however much the client goes on sending") {
  server::Options options = calm_options();
  options.limits.max_body_bytes = 1000;
  TestServer server{say_ok, options};
  Client client = server.client();
  int status = 0;
  SUBCASE("a body that is too large") {
    REQUIRE(client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9000000\r\n\r\n"));
    status = 413;
  }
  SUBCASE("nonsense") {
    REQUIRE(client.send("nonsense\r\n\r\n"));
    status = 400;
  }
  // The answer is on its way before the rest is sent, and is read only then.
  CHECK(eventually([&] { return server.sum(&observe::Counters::bytes_written) > 0; }));
  for (int i = 0; i < 90; ++i) REQUIRE(client.send(std::string(100'000, 'x')));
  client.shutdown_send();
  const std::string answer = client.read_all();
  CHECK_FALSE(client.was_reset());
  CHECK(answer.substr(9, 3) == std::to_string(status));
  CHECK(answer.find("connection: close") != std::string::npos);
  CHECK(all_gone(server));
}

TEST_CASE("engine: a client that neither reads nor leaves after an error is not kept for ever") {
  server::Options options = calm_options();
  options.limits.linger_timeout = milliseconds{100};
  TestServer server{say_ok, options};
  Client client = server.client();
  REQUIRE(client.send("nonsense\r\n\r\n"));
  CHECK(eventually([&] { return server.sum(&observe::Counters::connections_accepted) == 1; }));
  CHECK(all_gone(server));
  CHECK(client.read_all().find("400 Bad Request") != std::string::npos);
}

TEST_CASE("engine: the end of the client's stream is not the end of its requests") {
  TestServer server{[](Call& call) {
    std::this_thread::sleep_for(milliseconds{10});
    call.respond(200, std::string{call.path()});
  }};
  Client client = server.client();
  REQUIRE(client.send(get("/1") + get("/2") + get("/3")));
  client.shutdown_send();
  for (const std::string_view path : {"/1", "/2", "/3"}) CHECK(read_response(client).body == path);
  CHECK(client.read_all().empty());
  CHECK_FALSE(client.was_reset());
  CHECK(all_gone(server));
}

TEST_CASE("engine: a client that ends in the middle of a request is let go, and nothing is called") {
  std::atomic<int> called{0};
  TestServer server{[&](Call& call) {
    ++called;
    say_ok(call);
  }};
  for (const std::string_view part :
       {"", "G", "GET / HTTP/1.1\r\nHost: te", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf",
        "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"}) {
    Client client = server.client();
    REQUIRE(client.send(part));
    client.shutdown_send();
    CHECK(client.read_all().empty());
  }
  CHECK(all_gone(server));
  CHECK(called == 0);
}

TEST_CASE("engine: a reset in any state ends that connection alone") {
  server::Options options = calm_options();
  options.limits.response_memory = 10'000;
  options.limits.body_memory = 1000;
  std::atomic<int> inside{0};
  std::atomic<bool> gone{false};
  TestServer server{[&](Call& call) {
                      if (call.path() == "/") return say_ok(call);
                      ++inside;
                      if (call.path() == "/wait") {
                        gone = eventually([&] { return call.exchange.gone(); });
                        return say_ok(call);
                      }
                      if (call.path() == "/large") return call.respond(200, std::string(20'000'000, 'x'));
                      http::BodyPipe& pipe = call.open_stream(options.limits, call.path() == "/spill");
                      const std::string piece(5000, 'x');
                      bool alive = true;
                      while (alive) alive = call.write(piece);
                      gone = true;
                      pipe.finish(false);
                    },
                    options};
  std::string request;
  bool dispatched = true;
  bool told = false;
  SUBCASE("before the first byte") { dispatched = false; }
  SUBCASE("in a head") {
    request = "GET / HTTP/1.1\r\nHo";
    dispatched = false;
  }
  SUBCASE("in a body") {
    request = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf";
    dispatched = false;
  }
  SUBCASE("in a body that is being stored") {
    request = "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n" + std::string(300'000, 'x');
    dispatched = false;
  }
  SUBCASE("while it is answered") {
    request = get("/wait");
    told = true;
  }
  SUBCASE("while it is answered, with another behind it") {
    request = get("/wait") + get("/") + "GET / HT";
    told = true;
  }
  SUBCASE("in a large response") { request = get("/large"); }
  SUBCASE("in a streamed response") {
    request = get("/stream");
    told = true;
  }
  SUBCASE("in a spilled response") {
    request = get("/spill");
    told = true;
  }
  SUBCASE("after an error response") {
    request = "nonsense\r\n\r\n";
    dispatched = false;
  }
  for (int round = 0; round < 5; ++round) {
    inside = 0;
    gone = false;
    Client client = server.client();
    REQUIRE(client.send(request));
    CHECK(eventually([&] { return server.sum(&observe::Counters::connections_active) == 1; }));
    if (dispatched) CHECK(eventually([&] { return inside == 1; }));
    if (request.find("/s") != std::string::npos || request.find("/large") != std::string::npos) client.read(1000);
    client.reset();
    CHECK(all_gone(server));
    if (told) CHECK(eventually([&] { return gone.load(); }));
    CHECK(serves(server));
    CHECK(all_gone(server));
  }
  server.stop();
  CHECK(server.engine.exchanges_held() == 0);
}

TEST_CASE("engine: without descriptors the connections that are there are served, and later all") {
  FewDescriptors few;
  TestServer server{say_ok};
  Client old = server.client();
  REQUIRE(old.send(get("/")));
  CHECK(read_response(old).status == 200);
  base::UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  few.take_all();
  REQUIRE(connect_tcp(socket, server.port));
  CHECK(eventually([&] { return server.sum(&observe::Counters::accept_errors) >= 3; }));
  REQUIRE(old.send(get("/")));
  CHECK(read_response(old).status == 200);
  few.give_back();
  Client waited{std::move(socket)};
  REQUIRE(waited.send(get("/")));
  CHECK(read_response(waited).status == 200);
  CHECK(serves(server));
  REQUIRE(eventually([&] { return server.log.has("cannot accept connections on tcp://127.0.0.1:"); }));
  const std::string text = server.log.text();
  CHECK(text.find("ulimit -n") != std::string::npos);
  // Once, however often it was tried.
  CHECK(text.find("cannot accept") == text.rfind("cannot accept"));
}

TEST_CASE("engine: connections that come and go leave nothing behind") {
  TestServer server{say_ok};
  CHECK(serves(server));
  CHECK(all_gone(server));
  const size_t before = open_descriptors();
  for (int i = 0; i < 300; ++i) {
    Client client = server.client();
    if (i % 3 != 0) REQUIRE(client.send(get("/")));
    if (i % 3 == 1) CHECK(read_response(client).status == 200);
    if (i % 2 == 0) client.reset();
  }
  // One that was reset may be accepted only now; it is closed at once.
  CHECK(eventually([&] { return open_descriptors() == before; }));
  CHECK(all_gone(server));
}

}  // namespace hyperion::test
