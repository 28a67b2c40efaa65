// The engine, end to end: bodies of every size, to and from clients of every speed.
#include <unistd.h>

#include <utility>

#include "base/temporary_file.hpp"
#include "server/engine_rig.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

void say_size(Call& call) {
  const http::RequestBody& body = call.exchange.request.body;
  call.respond(200, std::to_string(call.body().size()) + (body.file ? " file" : " memory"));
}

std::string chunked(std::string_view bytes, size_t step) {
  std::string text;
  char size[20];
  for (size_t at = 0; at < bytes.size(); at += step) {
    const std::string_view piece = bytes.substr(at, step);
    text.append(size, static_cast<size_t>(std::snprintf(size, sizeof size, "%zx\r\n", piece.size())));
    text += piece;
    text += "\r\n";
  }
  return text + "0\r\n\r\n";
}

// A file's bytes as the response.
void respond_file(Call& call, const buffer::SharedFd& file, uint64_t size) {
  call.exchange.response.body = http::Response::Body::file;
  call.exchange.response.file = {file, 0, size};
}

buffer::SharedFd file_with(std::string_view bytes) {
  auto fd = std::make_shared<const base::UniqueFd>(std::move(base::open_temporary_file()).value());
  REQUIRE(::pwrite(fd->get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return fd;
}

}  // namespace

TEST_CASE("engine: a large request body waits in a file, complete, before anybody is called") {
  server::Options options = calm_options();
  options.limits.body_memory = 10'000;
  std::string got;
  TestServer server{[&](Call& call) {
                      got = call.body();
                      say_size(call);
                    },
                    options};
  Client client = server.client();
  for (const size_t size : {size_t{0}, size_t{10'000}, size_t{200'000}, size_t{3'000'000}}) {
    CAPTURE(size);
    const std::string body = pattern(size);
    const std::string wanted = std::to_string(size) + (size > 10'000 ? " file" : " memory");
    REQUIRE(client.send(post("/", body)));
    CHECK(read_response(client).body == wanted);
    CHECK((got == body));
    REQUIRE(client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body, 7777)));
    CHECK(read_response(client).body == wanted);
    CHECK((got == body));
  }
}

TEST_CASE("engine: several uploads at once, on few file threads or none") {
  server::Options options = calm_options();
  options.limits.body_memory = 10'000;
  SUBCASE("two") { options.file_threads = 2; }
  SUBCASE("none") { options.file_threads = 0; }
  TestServer server{say_size, options};
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (size_t i = 0; i < 6; ++i) {
    clients.emplace_back([&, i] {
      Client client = server.client();
      const std::string body = pattern(500'000 + i);
      for (int round = 0; round < 3; ++round) {
        client.send(post("/", body));
        if (read_response(client).body == std::to_string(body.size()) + " file") ++good;
      }
    });
  }
  for (std::thread& thread : clients) thread.join();
  CHECK(good == 18);
}

TEST_CASE("engine: a request that is refused while its body is stored is never dispatched") {
  server::Options options = calm_options();
  options.limits.body_memory = 1000;
  std::atomic<int> called{0};
  TestServer server{[&](Call& call) {
                      ++called;
                      say_size(call);
                    },
                    options};
  // More than one receive takes at once: the first part is being stored when the fault comes.
  std::string request = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
  request += chunked(std::string(70'000, 'x'), 5000);
  request.resize(request.size() - 5);
  request += "nonsense\r\n";
  for (int i = 0; i < 100; ++i) {
    Client client = server.client();
    REQUIRE(client.send(request));
    client.shutdown_send();
    const std::string answer = client.read_all();
    CHECK(answer.substr(0, 12) == "HTTP/1.1 400");
    CHECK(answer.find("HTTP/1.1 200") == std::string::npos);
  }
  CHECK(called == 0);
  CHECK(eventually([&] { return server.sum(&observe::Counters::connections_active) == 0; }));
  server.engine.drain();
  CHECK(server.engine.wait_drained(kPatience));  // every exchange came back
}

TEST_CASE("engine: a body that cannot be stored is a 500, and the server goes on") {
  server::Options options = calm_options();
  options.limits.body_memory = 1000;
  TestServer server{say_size, options};
  base::set_temporary_directory("/nonexistent");
  {
    Client client = server.client();
    const std::string request = post("/", std::string(200'000, 'x'));
    client.send(request);
    client.shutdown_send();
    CHECK(client.read_all().substr(0, 12) == "HTTP/1.1 500");
  }
  base::set_temporary_directory("/tmp");
  CHECK(eventually([&] { return server.log.has("No such file or directory"); }));
  Client client = server.client();
  REQUIRE(client.send(post("/", std::string(200'000, 'x'))));
  CHECK(read_response(client).body == "200000 file");
}

TEST_CASE("engine: a large response reaches a reader that pauses, byte for byte, and nobody else notices") {
  const std::string body = pattern(20'000'000);
  const buffer::SharedFd file = file_with(body);
  TestServer server{[&](Call& call) {
    if (call.path() == "/memory") return call.respond(200, body);
    if (call.path() == "/file") return respond_file(call, file, body.size());
    call.respond(200, "small");
  }};
  const std::string path = [] {
    std::string chosen;
    SUBCASE("from memory") { chosen = "/memory"; }
    SUBCASE("from a file") { chosen = "/file"; }
    return chosen;
  }();
  Client slow = server.client();
  REQUIRE(slow.send(get(path) + get("/small")));
  CHECK(slow.read_until("\r\n\r\n").find("content-length: 20000000") != std::string::npos);
  std::string got = slow.read(1'000'000);
  Client quick = server.client();
  for (int i = 0; i < 50; ++i) {
    REQUIRE(quick.send(get("/")));
    REQUIRE(read_response(quick).body == "small");
  }
  got += slow.read(body.size() - got.size());
  CHECK((got == body));
  CHECK(read_response(slow).body == "small");  // and the pipelined follower is intact
}

TEST_CASE("engine: a file that becomes shorter ends the connection, and is told") {
  const buffer::SharedFd file = file_with(pattern(10'000));
  TestServer server{[&](Call& call) { respond_file(call, file, 20'000); }};
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  client.read_until("\r\n\r\n");
  CHECK(client.read_all().size() == 10'000);
  CHECK(eventually([&] { return server.log.has("Input/output error"); }));
  CHECK(server.sum(&observe::Counters::requests_aborted) == 1);
}

TEST_CASE("engine: a streamed body reaches a slow reader byte for byte") {
  server::Options options = calm_options();
  options.limits.response_memory = 64 * 1024;
  options.limits.response_spill = 256 * 1024;
  const bool spill = [] {
    bool chosen = false;
    SUBCASE("through memory") {}
    SUBCASE("through a file that is written over and over") { chosen = true; }
    return chosen;
  }();
  const std::string body = pattern(8'000'000);
  TestServer server{[&](Call& call) {
                      http::BodyPipe& pipe = call.open_stream(options.limits, spill);
                      bool complete = true;
                      for (size_t at = 0; at < body.size() && complete; at += 10'000) {
                        complete = call.write(std::string_view{body}.substr(at, 10'000));
                      }
                      pipe.finish(complete);
                    },
                    options};
  Client client = server.client();
  shrink_buffers(client.fd(), 128 * 1024);
  REQUIRE(client.send(get("/")));
  std::string got;
  CHECK(client.read_until("\r\n\r\n").find("transfer-encoding: chunked") != std::string::npos);
  while (true) {
    const size_t size = std::strtoul(client.read_until("\r\n").c_str(), nullptr, 16);
    if (size == 0) break;
    got += client.read(size);
    client.read(2);
    std::this_thread::sleep_for(std::chrono::microseconds{500});
  }
  CHECK(got.size() == body.size());
  CHECK((got == body));
}

TEST_CASE("engine: a streamed body arrives also when no file can be written, and that is told") {
  server::Options options = calm_options();
  options.limits.response_memory = 64 * 1024;
  const std::string body = pattern(20'000'000);
  TestServer server{[&](Call& call) {
                      http::BodyPipe& pipe = call.open_stream(options.limits, true);
                      bool complete = true;
                      for (size_t at = 0; at < body.size() && complete; at += 10'000) {
                        complete = call.write(std::string_view{body}.substr(at, 10'000));
                      }
                      pipe.finish(complete);
                    },
                    options};
  base::set_temporary_directory("/nonexistent");
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  client.read_until("\r\n\r\n");
  uint64_t written = 0;
  CHECK(eventually([&] {
    const uint64_t before = std::exchange(written, server.sum(&observe::Counters::bytes_written));
    std::this_thread::sleep_for(milliseconds{50});
    return written == before;  // the sockets are full, and the producer waits
  }));
  std::string got;
  while (true) {
    const size_t size = std::strtoul(client.read_until("\r\n").c_str(), nullptr, 16);
    if (size == 0) break;
    got += client.read(size);
    client.read(2);
  }
  base::set_temporary_directory("/tmp");
  CHECK((got == body));
  CHECK(
      eventually([&] { return server.log.has("cannot wait in a temporary file, so its author does (a system call"); }));
}

TEST_CASE("engine: pieces of a stream are on the wire at once, and the end comes by itself") {
  Gate second;
  Gate third;
  TestServer server{[&](Call& call) {
    http::BodyPipe& pipe = call.open_stream({}, true, call.path() == "/held");
    call.write("one");
    second.wait();
    call.write("two");
    third.wait();
    pipe.finish(true);
  }};
  Client client = server.client();
  const bool held = [] {
    bool chosen = false;
    SUBCASE("head first") {}
    SUBCASE("head with the first piece") { chosen = true; }
    return chosen;
  }();
  REQUIRE(client.send(get(held ? "/held" : "/")));
  CHECK(client.read_until("one\r\n").find("200 OK") != std::string::npos);
  second.open();
  CHECK(client.read_until("two\r\n") == "3\r\ntwo\r\n");
  CHECK_FALSE(client.readable(milliseconds{20}));
  third.open();
  CHECK(client.read(5) == "0\r\n\r\n");
  REQUIRE(client.send(get("/")));
  CHECK(read_response(client).body == "onetwo");
}

TEST_CASE("engine: a held head does not wait for a body that does not come") {
  Gate over;
  TestServer server{[&](Call& call) {
    http::BodyPipe& pipe = call.open_stream({}, true, true);
    over.wait();
    pipe.finish(true);
  }};
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  CHECK(client.read_until("\r\n\r\n").find("200 OK") != std::string::npos);
  over.open();
  CHECK(client.read(5) == "0\r\n\r\n");
}

TEST_CASE("engine: a stream that is cut off does not look complete") {
  TestServer server{[&](Call& call) {
    http::BodyPipe& pipe = call.open_stream({}, true);
    call.write("half");
    pipe.finish(false);
  }};
  Client client = server.client();
  REQUIRE(client.send(get("/")));
  const std::string all = client.read_all();
  CHECK(all.find("4\r\nhalf\r\n") != std::string::npos);
  CHECK(all.find("0\r\n\r\n") == std::string::npos);
}

TEST_CASE("engine: more stalled readers than application threads do not hold them") {
  server::Options options = calm_options();
  TestServer server{[&](Call& call) {
                      if (call.path() == "/") return call.respond(200, "ok");
                      http::BodyPipe& pipe = call.open_stream(options.limits, true);
                      const std::string piece(100'000, 'x');
                      bool alive = true;
                      for (int i = 0; i < 80 && alive; ++i) alive = call.write(piece);
                      pipe.finish(alive);
                    },
                    options, 2};
  std::vector<Client> stalled;
  for (int i = 0; i < 6; ++i) {
    stalled.push_back(server.client());
    shrink_buffers(stalled.back().fd());
    REQUIRE(stalled.back().send(get("/stream")));
  }
  for (Client& client : stalled) client.read_until("\r\n\r\n");
  Client modest = server.client();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(modest.send(get("/")));
    REQUIRE(read_response(modest).body == "ok");
  }
}

}  // namespace hyperion::test
