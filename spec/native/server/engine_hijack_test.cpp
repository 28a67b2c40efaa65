// The engine, end to end: a connection that its application takes over.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "server/engine_rig.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

// Takes the connection: all of it at once, or after a head of its own.
base::Result<base::UniqueFd> take_over(Call& call) {
  if (call.path() == "/upgrade") {
    call.exchange.response.status = 101;
    (void)call.exchange.response.add("upgrade", "test");
    call.exchange.response.body = http::Response::Body::raw;
    call.answer();
  } else {
    call.exchange.signal(Exchange::kHijack);
  }
  auto taken = *call.exchange.handoff.wait();
  // As the loop left it; the tests' clients wait in their reads.
  if (taken) ::fcntl(taken.value().get(), F_SETFL, ::fcntl(taken.value().get(), F_GETFL) & ~O_NONBLOCK);
  return taken;
}

// As it stands in the queue: a hijacker answers by itself.
void release(Call& call) {
  call.keep();
  call.exchange.signal(Exchange::kReleased);
}

std::string expected_head(Client& client, std::string_view path) {
  return path == "/upgrade" ? client.read_until("\r\n\r\n") : std::string{};
}

constexpr std::string_view kPaths[] = {"/take", "/upgrade"};

}  // namespace

TEST_CASE("engine: a hijacked connection is the client's own socket") {
  for (const std::string_view path : kPaths) {
    CAPTURE(path);
    std::atomic<bool> is_tcp{false};
    Gate taken_over;
    TestServer server{[&](Call& call) {
      auto taken = take_over(call);
      release(call);
      if (!taken) return;
      Client socket{std::move(taken).value()};
      sockaddr_storage address{};
      socklen_t size = sizeof address;
      ::getpeername(socket.fd(), reinterpret_cast<sockaddr*>(&address), &size);
      is_tcp = address.ss_family == AF_INET;
      taken_over.open();
      socket.send("hello " + socket.read(5));
    }};
    Client client = server.client();
    REQUIRE(client.send(get(path)));
    const std::string head = expected_head(client, path);
    if (path == "/upgrade") CHECK(head.find("101 Switching Protocols") != std::string::npos);
    taken_over.wait();
    REQUIRE(client.send("world"));
    CHECK(client.read_all() == "hello world");
    CHECK(is_tcp.load());
    // The server has forgotten it.
    CHECK(eventually([&] { return server.sum(&observe::Counters::connections_active) == 0; }));
  }
}

TEST_CASE("engine: bytes that came with the request are not lost to the hijacker") {
  const size_t before = open_descriptors();
  for (const std::string_view path : kPaths) {
    CAPTURE(path);
    TestServer server{[&](Call& call) {
      // Whoever takes it over late finds even more there.
      std::this_thread::sleep_for(milliseconds{10});
      auto taken = take_over(call);
      release(call);
      if (!taken) return;
      Client socket{std::move(taken).value()};
      socket.send("you said " + socket.read(11));
      socket.send(", then " + socket.read(5));
      CHECK(socket.read_all().empty());
    }};
    Client client = server.client();
    REQUIRE(client.send(get(path) + "early words"));
    expected_head(client, path);
    CHECK(client.read(20) == "you said early words");
    REQUIRE(client.send("later"));
    CHECK(client.read(12) == ", then later");
    client.shutdown_send();
    CHECK(client.read_all().empty());
    CHECK_FALSE(client.was_reset());
    server.stop();
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("engine: a relay carries much, both ways, at any speed") {
  const std::string up = pattern(5'000'000);
  const std::string down = pattern(5'000'000, 1 << 30);
  std::string got_up;
  Gate all_read;
  TestServer server{[&](Call& call) {
    auto taken = take_over(call);
    release(call);
    if (!taken) return all_read.open();
    Client socket{std::move(taken).value()};
    std::thread writer{[&] {
      Client copy{base::UniqueFd{::dup(socket.fd())}};
      copy.send(down);
      copy.shutdown_send();
    }};
    got_up = socket.read_all();
    writer.join();
    all_read.open();
  }};
  Client client = server.client();
  REQUIRE(client.send(get("/take") + up.substr(0, 10)));
  std::thread writer{[&] {
    client.send(std::string_view{up}.substr(10));
    client.shutdown_send();
  }};
  std::string got_down;
  while (true) {
    const std::string some = client.receive();
    if (some.empty()) break;
    got_down += some;
    if (got_down.size() % 7 == 0) std::this_thread::sleep_for(milliseconds{1});
  }
  writer.join();
  all_read.wait();  // a relay ends with its server
  server.stop();
  CHECK((got_down == down));
  CHECK((got_up == up));
}

TEST_CASE("engine: a relay ends when either side leaves, whatever the other does") {
  const size_t before = open_descriptors();
  for (const bool client_leaves : {true, false}) {
    for (const bool by_reset : {true, false}) {
      CAPTURE(client_leaves);
      CAPTURE(by_reset);
      Gate leave;
      std::atomic<bool> app_saw_end{false};
      TestServer server{[&](Call& call) {
        auto taken = take_over(call);
        release(call);
        if (!taken) return;
        Client socket{std::move(taken).value()};
        socket.read(5);
        socket.send("ready");
        if (client_leaves) {
          socket.read_all();
          app_saw_end = true;
        } else {
          leave.wait();
        }
      }};
      Client client = server.client();
      REQUIRE(client.send(get("/take") + "first"));
      CHECK(client.read(5) == "ready");
      const size_t relayed = open_descriptors();
      if (client_leaves) {
        if (by_reset) {
          client.reset();
        } else {
          client.close();
        }
        CHECK(eventually([&] { return app_saw_end.load(); }));
      } else {
        // What the application leaves unread makes its end a reset.
        if (by_reset) REQUIRE(client.send("never read"));
        leave.open();
        // A silent client, which closes nothing.
        CHECK(client.read_all().empty());
      }
      // Three descriptors at least are gone: both ends of the relay, and the application's.
      CHECK(eventually([&] { return open_descriptors() <= relayed - 3; }));
      client.close();
    }
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("engine: what an application writes into a relay arrives, whatever it leaves unread") {
  for (const size_t size : {2, 100'000, 3'000'000}) {
    CAPTURE(size);
    const std::string down = pattern(size);
    TestServer server{[&](Call& call) {
      auto taken = take_over(call);
      release(call);
      if (!taken) return;
      Client socket{std::move(taken).value()};
      socket.send(down);
      socket.close();
    }};
    for (int i = 0; i < (size < 1'000'000 ? 20 : 2); ++i) {
      Client client = server.client();
      REQUIRE(client.send(get("/take") + "never read"));
      const std::string got = client.read_all();
      REQUIRE(got.size() == size);
      CHECK((got == down));
      CHECK_FALSE(client.was_reset());
    }
  }
}

TEST_CASE("engine: half a relay stays open as long as it is wanted") {
  TestServer server{[&](Call& call) {
    auto taken = take_over(call);
    release(call);
    if (!taken) return;
    Client socket{std::move(taken).value()};
    socket.send("all I have to say");
    socket.shutdown_send();
    if (socket.read_all() == "first second") call.exchange.began = {};
  }};
  Client client = server.client();
  REQUIRE(client.send(get("/take") + "first "));
  CHECK(client.read_all() == "all I have to say");
  REQUIRE(client.send("second"));
  client.shutdown_send();
  server.stop();
}

TEST_CASE("engine: a hijacker behind a response that the client does not take holds no thread") {
  constexpr size_t kSize = 20'000;
  for (const std::string_view path : kPaths) {
    for (const bool client_reads : {true, false}) {
      CAPTURE(path);
      CAPTURE(client_reads);
      std::atomic<size_t> answered{0};
      Gate taken_over;
      Gate written;
      std::atomic<bool> told{false};
      TestServer server{[&](Call& call) {
        if (call.path() == "/before") {
          call.respond(200, pattern(kSize));
          call.answer();
          ++answered;
          return;
        }
        auto taken = take_over(call);
        release(call);
        if (!taken) return;
        taken_over.open();
        Client socket{std::move(taken).value()};
        socket.send("hijacked, ");
        written.open();
        const std::string heard = socket.read(5);
        told = socket.send("heard " + heard) == !heard.empty();
      }};
      Client client = server.client();
      shrink_buffers(client.fd(), 128 * 1024);
      // Until the kernel takes no more: the next ones still go to the application, for little waits here.
      size_t asked = 0;
      do {
        REQUIRE(client.send(get("/before")));
        ++asked;
        REQUIRE(eventually([&] { return answered == asked; }));
      } while (eventually([&] { return server.sum(&observe::Counters::bytes_written) >= asked * kSize; },
                          milliseconds{100}));
      REQUIRE(client.send(get(path)));
      taken_over.wait();
      written.wait();
      if (client_reads) {
        REQUIRE(client.send("hello"));
        for (size_t i = 0; i < asked; ++i) {
          client.read_until("\r\n\r\n");
          CHECK((client.read(kSize) == pattern(kSize)));
        }
        expected_head(client, path);
        CHECK(client.read_all() == "hijacked, heard hello");
      } else {
        client.reset();
      }
      CHECK(eventually([&] { return told.load(); }));
      CHECK(eventually([&] { return server.sum(&observe::Counters::connections_active) == 0; }));
    }
  }
}

TEST_CASE("engine: a hijacker whose client leaves first is told") {
  for (const std::string_view path : kPaths) {
    CAPTURE(path);
    Gate inside;
    Gate gate;
    std::atomic<int> outcome{0};
    TestServer server{[&](Call& call) {
      inside.open();
      gate.wait();
      auto taken = take_over(call);
      outcome = taken.ok() ? 1 : 2;
      release(call);
    }};
    Client client = server.client();
    REQUIRE(client.send(get(path)));
    inside.wait();
    client.reset();
    CHECK(eventually([&] { return server.sum(&observe::Counters::connections_active) == 0; }));
    gate.open();
    CHECK(eventually([&] { return outcome == 2; }));
  }
}

TEST_CASE("engine: stopping ends relays, too") {
  const size_t before = open_descriptors();
  {
    Gate relayed;
    std::atomic<bool> ended{false};
    TestServer server{[&](Call& call) {
      auto taken = take_over(call);
      release(call);
      if (!taken) return;
      Client socket{std::move(taken).value()};
      relayed.open();
      socket.read_all();
      ended = true;
    }};
    Client client = server.client();
    REQUIRE(client.send(get("/take") + "early"));
    relayed.wait();
    server.engine.stop();
    client.read_all();
    CHECK(client.ended());
    CHECK(eventually([&] { return ended.load(); }));
  }
  CHECK(open_descriptors() == before);
}

}  // namespace hyperion::test
