// The engine, end to end: time-outs. The limits are short, the patience is long: what is tested is that each ends what
// it should end, with the right word, not before its time, and nothing else.
#include "server/engine_rig.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

constexpr auto kShort = milliseconds{100};

void say_ok(Call& call) { call.respond(200, "ok"); }

// Reads to the end, and says how long that took.
base::Duration ended_after(Client& client, std::string& rest) {
  const base::Instant begin = base::now();
  rest = client.read_all();
  CHECK(client.ended());
  return since(begin);
}

// One try of "still reads its response": false when this thread was held up for so long that it shows nothing.
bool reads_slowly_and_asks_again(const std::string& body, base::Duration idle_timeout) {
  server::Options options = calm_options();
  options.limits.idle_timeout = idle_timeout;
  TestServer server{[&](Call& call) { call.respond(200, body); }, options};
  Client client = server.client();
  shrink_buffers(client.fd(), 256 * 1024);
  const base::Instant begin = base::now();
  REQUIRE(client.send(get("/")));
  const uint64_t total = client.read_until("\r\n\r\n").size() + body.size();
  std::string got;
  while (since(begin) < idle_timeout * 5 / 4 && got.size() < body.size() / 8) {
    got += client.read(50'000);
    std::this_thread::sleep_for(milliseconds{20});
  }
  std::this_thread::sleep_until(begin + idle_timeout * 5 / 4);
  // The limit is over, and the server has not sent everything.
  REQUIRE(server.sum(&observe::Counters::bytes_written) < total);
  base::Instant before_last{};
  while (server.sum(&observe::Counters::bytes_written) < total) {
    before_last = base::now();
    got += client.read(50'000);
  }
  // Its time begins with the last byte that the server could send; megabytes of others still wait in the sockets.
  const bool sent = client.send(get("/"));
  if (since(before_last) > idle_timeout / 2) return false;
  REQUIRE(sent);
  got += client.read(body.size() - got.size());
  CHECK((got == body));
  CHECK(read_response(client).status == 200);
  return true;
}

}  // namespace

TEST_CASE("engine: a head that is not complete in time gets a 408") {
  server::Options options = calm_options();
  options.limits.header_timeout = kShort;
  TestServer server{say_ok, options};
  Client client = server.client();
  std::string rest;
  SUBCASE("half a request") {
    REQUIRE(client.send("GET / HTTP/1.1\r\nHost"));
    CHECK(ended_after(client, rest) >= kShort / 2);
    CHECK(rest.find("408 Request Timeout") != std::string::npos);
    CHECK(eventually([&] { return server.log.has("header-timeout"); }));
    CHECK(server.sum(&observe::Counters::read_timeouts) == 1);
  }
  SUBCASE("a byte now and then does not help") {
    const std::string head = get("/", "x-long: " + std::string(10'000, 'x') + "\r\n");
    const base::Instant begin = base::now();
    for (size_t i = 0; i < head.size() && since(begin) < kPatience; ++i) {
      if (!client.send({&head[i], 1}) || client.readable(milliseconds{2})) break;
    }
    CHECK(since(begin) < kPatience);
    CHECK(read_response(client).status == 408);
  }
  SUBCASE("silence is closed without a word") {
    CHECK(ended_after(client, rest) >= kShort / 2);
    CHECK(rest.empty());
    CHECK(server.sum(&observe::Counters::requests_refused) == 0);
  }
}

TEST_CASE("engine: a new connection has its full time, however long the server slept before") {
  server::Options options = calm_options();
  options.limits.header_timeout = milliseconds{400};
  TestServer server{say_ok, options};
  // Nothing happens: the I/O thread sleeps without a deadline.
  std::this_thread::sleep_for(milliseconds{700});
  Client client = server.client();
  std::this_thread::sleep_for(milliseconds{50});
  REQUIRE(client.send(get("/")));
  CHECK(read_response(client).status == 200);
}

TEST_CASE("engine: the access log counts from the request's first byte, not from the sleep before it") {
  TestServer server{say_ok};
  Client client = server.client();
  REQUIRE(client.send(get("/first")));
  CHECK(read_response(client).status == 200);
  std::this_thread::sleep_for(milliseconds{500});
  REQUIRE(client.send(get("/second")));
  CHECK(read_response(client).status == 200);
  REQUIRE(eventually([&] { return server.log.has("GET /second 200 "); }));
  const std::string text = server.log.text();
  const double millis = std::strtod(text.c_str() + text.find("GET /second 200 ") + 16, nullptr);
  CHECK(millis < 400);
}

TEST_CASE("engine: a body must make progress") {
  server::Options options = calm_options();
  options.limits.body_timeout = kShort;
  TestServer server{say_ok, options};
  Client client = server.client();
  REQUIRE(client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf"));
  std::string rest;
  CHECK(ended_after(client, rest) >= kShort / 2);
  CHECK(rest.find("408 Request Timeout") != std::string::npos);
  CHECK(eventually([&] { return server.log.has("body-timeout"); }));
}

TEST_CASE("engine: a body that trickles is too slow") {
  server::Options options = calm_options();
  options.limits.min_body_rate = 1'000'000;
  options.limits.body_timeout = milliseconds{200};  // the grace is a second at least
  TestServer server{say_ok, options};
  Client client = server.client();
  REQUIRE(client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n"));
  const base::Instant begin = base::now();
  while (since(begin) < kPatience && client.send("x") && !client.readable(milliseconds{10})) {
  }
  CHECK(since(begin) >= milliseconds{900});
  CHECK(since(begin) < kPatience);
  CHECK(read_response(client).status == 408);
  CHECK(eventually([&] { return server.log.has("min-body-rate"); }));
  CHECK(server.sum(&observe::Counters::slow_bodies) == 1);
}

TEST_CASE("engine: the whole request has a time limit, where that is set") {
  server::Options options = calm_options();
  options.limits.read_timeout = milliseconds{300};
  TestServer server{say_ok, options};
  Client client = server.client();
  REQUIRE(client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\n"));
  const base::Instant begin = base::now();
  while (since(begin) < kPatience && client.send(std::string(100, 'x')) && !client.readable(milliseconds{5})) {
  }
  CHECK(since(begin) >= milliseconds{250});
  CHECK(read_response(client).status == 408);
  CHECK(eventually([&] { return server.log.has("max-request-read-seconds"); }));
}

TEST_CASE("engine: an idle connection is closed, a busy one is not") {
  server::Options options = calm_options();
  options.limits.idle_timeout = kShort;
  options.limits.header_timeout = std::chrono::seconds{20};
  TestServer server{[](Call& call) {
                      if (call.path() == "/slow") std::this_thread::sleep_for(kShort * 5);
                      say_ok(call);
                    },
                    options};
  Client client = server.client();
  // Answering takes longer than the limit: that is not idle.
  for (const std::string_view path : {"/", "/slow", "/"}) {
    REQUIRE(client.send(get(path)));
    CHECK(read_response(client).status == 200);
  }
  std::string rest;
  CHECK(ended_after(client, rest) >= kShort / 2);
  CHECK(rest.empty());
  CHECK_FALSE(client.was_reset());
}

TEST_CASE("engine: a client that takes nothing of its response is closed") {
  server::Options options = calm_options();
  options.limits.write_timeout = kShort;
  const std::string body = pattern(16'000'000);
  TestServer server{[&](Call& call) { call.respond(200, body); }, options};
  Client client = server.client();
  shrink_buffers(client.fd());
  REQUIRE(client.send(get("/")));
  CHECK(eventually([&] { return server.sum(&observe::Counters::write_timeouts) == 1; }));
  CHECK(eventually([&] { return server.sum(&observe::Counters::connections_active) == 0; }));
  CHECK(server.sum(&observe::Counters::requests_aborted) == 1);
  CHECK(eventually([&] { return server.log.has("write-timeout"); }));
}

TEST_CASE("engine: a client that takes a little at a time is served to the end") {
  server::Options options = calm_options();
  options.limits.write_timeout = milliseconds{400};
  const std::string body = pattern(3'000'000);
  TestServer server{[&](Call& call) { call.respond(200, body); }, options};
  Client client = server.client();
  shrink_buffers(client.fd());
  REQUIRE(client.send(get("/")));
  client.read_until("\r\n\r\n");
  std::string got;
  // Longer than the limit altogether.
  while (got.size() < body.size()) {
    const std::string some = client.read(std::min<size_t>(60'000, body.size() - got.size()));
    REQUIRE_FALSE(some.empty());
    got += some;
    std::this_thread::sleep_for(milliseconds{20});
  }
  CHECK((got == body));
}

TEST_CASE("engine: a client that still reads its response is not idle, however long that takes") {
  const std::string body = pattern(32'000'000);
  base::Duration idle_timeout = milliseconds{1500};
  // On a machine that stands still in between, with more time.
  while (!reads_slowly_and_asks_again(body, idle_timeout)) {
    idle_timeout *= 2;
    REQUIRE(idle_timeout < kPatience);
  }
}

TEST_CASE("engine: a client that takes something all the time, but too little, is closed") {
  server::Options options = calm_options();
  options.limits.min_write_rate = 2'000'000;
  options.limits.write_timeout = base::Duration{0};  // the rate is judged over a second
  const std::string body = pattern(16'000'000);
  TestServer server{[&](Call& call) { call.respond(200, body); }, options};
  Client client = server.client();
  shrink_buffers(client.fd(), 128 * 1024);
  REQUIRE(client.send(get("/")));
  const base::Instant begin = base::now();
  size_t got = 0;
  while (since(begin) < kPatience && server.sum(&observe::Counters::slow_readers) == 0) {
    got += client.receive(2000).size();
    std::this_thread::sleep_for(milliseconds{10});
  }
  CHECK(server.sum(&observe::Counters::slow_readers) == 1);
  CHECK(server.sum(&observe::Counters::write_timeouts) == 1);
  CHECK(since(begin) >= milliseconds{900});
  CHECK(got > 0);
  CHECK(eventually([&] { return server.log.has("min-write-rate"); }));
}

TEST_CASE("engine: min-write-rate: an application that produces slowly is not the client's fault") {
  server::Options options = calm_options();
  options.limits.min_write_rate = 10'000'000;
  options.limits.write_timeout = base::Duration{0};
  TestServer server{[&](Call& call) {
                      http::BodyPipe& pipe = call.open_stream(options.limits, true);
                      for (int i = 0; i < 12; ++i) {
                        call.write("a little");
                        std::this_thread::sleep_for(milliseconds{100});
                      }
                      pipe.finish(true);
                    },
                    options};
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  CHECK(read_response(client).body.size() == 12 * 8);
  CHECK(server.sum(&observe::Counters::slow_readers) == 0);
}

TEST_CASE("engine: 0 switches a time-out off") {
  server::Options options = calm_options();
  options.limits.header_timeout = options.limits.body_timeout = options.limits.read_timeout = base::Duration{0};
  options.limits.write_timeout = options.limits.idle_timeout = base::Duration{0};
  options.limits.min_body_rate = options.limits.min_write_rate = 0;
  TestServer server{say_ok, options};
  Client client = server.client();
  for (const std::string_view part : {"POST / HT", "TP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n", "o", "k", ""}) {
    std::this_thread::sleep_for(milliseconds{100});
    REQUIRE(client.send(part));
  }
  CHECK(read_response(client).status == 200);
  std::this_thread::sleep_for(milliseconds{100});
  REQUIRE(client.send(get("/")));
  CHECK(read_response(client).status == 200);
}

}  // namespace hyperion::test
