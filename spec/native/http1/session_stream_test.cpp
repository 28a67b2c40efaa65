// Answers whose body comes through a pipe: framing, back-pressure, the held head, spilled bytes, and ends of all kinds.
#include <doctest/doctest.h>

#include <string>

#include "session_checks.hpp"
#include "support/random.hpp"

using namespace hyperion;
using namespace hyperion::test;
using http::BodyPipe;
using http::Exchange;
using http::Phase;
using http::Response;

namespace {

// An exchange whose answer is a stream under way.
struct Streaming {
  explicit Streaming(std::string_view request = kGet, http::Limits limits = {}, bool spill = false,
                     const std::function<void(Response&)>& prepare = {})
      : rig(limits) {
    rig.receive(request);
    REQUIRE(rig.pending != nullptr);
    exchange = rig.pending;
    exchange->response.body = Response::Body::stream;
    if (prepare) prepare(exchange->response);
    pipe = &exchange->open_pipe(limits, spill);
  }

  void answer() {
    rig.answer();
    rig.drain();
  }
  // As the connection does it when the exchange signals kBody.
  void pump() {
    rig.session.pump(*exchange);
    rig.drain();
  }
  void write(std::string_view bytes) {
    CHECK(pipe->write(bytes) == BodyPipe::Outcome::accepted);
    pump();
  }
  void finish(bool complete = true) {
    pipe->finish(complete);
    pump();
  }

  SessionRig rig;
  Exchange* exchange = nullptr;
  BodyPipe* pipe = nullptr;
};

}  // namespace

TEST_CASE("session stream: of unknown length it is chunked, and each write leaves at once") {
  Streaming stream;
  stream.answer();
  CHECK(stream.rig.sent.ends_with("transfer-encoding: chunked\r\n\r\n"));
  stream.write("hello");
  CHECK(stream.rig.sent.ends_with("\r\n\r\n5\r\nhello\r\n"));
  stream.write(", world");
  CHECK(stream.rig.sent.ends_with("7\r\n, world\r\n"));
  CHECK(stream.rig.session.phase() == Phase::waiting);
  CHECK(stream.rig.answered.empty());
  stream.finish();
  const ReadResponse response = only_response(stream.rig);
  CHECK(response.body == "hello, world");
  CHECK(response.complete);
  CHECK(field(response, "content-length") == "(none)");
  CHECK(stream.rig.answered.front().second);
  CHECK(stream.exchange->response_bytes == 12);
  CHECK(stream.rig.session.phase() == Phase::idle);
}

TEST_CASE("session stream: an empty one ends with its last chunk") {
  Streaming stream;
  stream.answer();
  stream.finish();
  CHECK(only_response(stream.rig).complete);
  CHECK(stream.rig.sent.ends_with("\r\n\r\n0\r\n\r\n"));
}

TEST_CASE("session stream: an empty write is no last chunk") {
  Streaming stream;
  stream.answer();
  stream.write("");
  stream.write("a");
  stream.finish();
  CHECK(only_response(stream.rig).body == "a");
}

TEST_CASE("session stream: what is there with the answer leaves with its head") {
  Streaming stream;
  CHECK(stream.pipe->try_write("hello") == BodyPipe::Outcome::accepted);
  stream.pipe->finish(true);
  stream.rig.draining_output = false;
  stream.rig.answer();
  std::array<iovec, 4> pieces;
  CHECK(stream.rig.session.output().as_iovecs(pieces) == 1);
  stream.rig.draining_output = true;
  stream.rig.drain();
  CHECK(only_response(stream.rig).body == "hello");
}

TEST_CASE("session stream: a declared length makes it counted") {
  Streaming stream{kGet, {}, false, [](Response& response) { response.declared_length = 10; }};
  stream.answer();
  stream.write("hello");
  SUBCASE("filled") {
    stream.write("world");
    stream.finish();
    CHECK(only_response(stream.rig).body == "helloworld");
    CHECK(stream.rig.misframed.empty());
    CHECK(stream.rig.session.phase() == Phase::idle);
  }
  SUBCASE("exceeded: cut, and the connection goes on") {
    stream.write("world!");
    stream.write("!!");
    stream.finish();
    CHECK(only_response(stream.rig).body == "helloworld");
    CHECK(stream.rig.misframed == std::vector<std::string>{"the body is longer than its declared content-length"});
    CHECK(stream.rig.session.phase() == Phase::idle);
  }
  SUBCASE("not filled: the connection closes") {
    stream.finish();
    CHECK_FALSE(only_response(stream.rig).complete);
    CHECK(stream.rig.misframed == std::vector<std::string>{"the body is shorter than its declared content-length"});
    CHECK_FALSE(stream.rig.answered.front().second);
    CHECK(stream.rig.closed());
  }
}

TEST_CASE("session stream: one that is cut off does not look complete") {
  Streaming stream;
  stream.answer();
  stream.write("hello");
  stream.finish(false);
  CHECK_FALSE(only_response(stream.rig).complete);
  CHECK(stream.rig.sent.ends_with("5\r\nhello\r\n"));
  CHECK_FALSE(stream.rig.answered.front().second);
  CHECK(stream.rig.misframed.empty());
  CHECK(stream.rig.closed());
}

TEST_CASE("session stream: HTTP/1.0 has no chunks: the end of the connection ends the body") {
  Streaming stream{kGet10KeepAlive};
  stream.answer();
  stream.write("hello");
  stream.finish();
  const ReadResponse response = only_response(stream.rig);
  CHECK(response.until_close);
  CHECK(response.body == "hello");
  CHECK(field(response, "connection") == "close");
  CHECK(stream.rig.closed());
}

TEST_CASE("session stream: HTTP/1.0 with a declared length goes on") {
  Streaming stream{kGet10KeepAlive, {}, false, [](Response& response) { response.declared_length = 5; }};
  stream.answer();
  stream.write("hello");
  stream.finish();
  CHECK(field(only_response(stream.rig), "connection") == "keep-alive");
  CHECK(stream.rig.session.phase() == Phase::idle);
}

TEST_CASE("session stream: of a HEAD or a 204 nothing is sent, and its author may still finish") {
  SUBCASE("HEAD") {
    Streaming stream{kHead};
    stream.answer();
    stream.write("hello");
    stream.finish();
    CHECK(field(only_response(stream.rig), "transfer-encoding") == "chunked");
    CHECK(stream.rig.sent.ends_with("\r\n\r\n"));
    CHECK(stream.rig.session.phase() == Phase::idle);
  }
  SUBCASE("204") {
    Streaming stream{kGet, {}, false, [](Response& response) { response.status = 204; }};
    stream.answer();
    stream.write("hello");
    stream.finish();
    CHECK(field(only_response(stream.rig), "transfer-encoding") == "(none)");
    CHECK(stream.rig.sent.ends_with("\r\n\r\n"));
    CHECK(stream.rig.session.phase() == Phase::idle);
  }
}

// --- The held head ---

TEST_CASE("session stream: a held head leaves with the first bytes") {
  Streaming stream{kGet, {}, false, [](Response& response) { response.hold_head = true; }};
  stream.answer();
  CHECK(stream.rig.session.holds_head());
  CHECK(stream.rig.sent.empty());
  stream.rig.draining_output = false;
  stream.write("hello");
  CHECK_FALSE(stream.rig.session.holds_head());
  std::array<iovec, 4> pieces;
  CHECK(stream.rig.session.output().as_iovecs(pieces) == 1);
  stream.rig.draining_output = true;
  stream.finish();
  CHECK(only_response(stream.rig).body == "hello");
}

TEST_CASE("session stream: a held head leaves when it is released, once") {
  Streaming stream{kGet, {}, false, [](Response& response) { response.hold_head = true; }};
  stream.answer();
  stream.rig.session.release_head();
  stream.rig.session.release_head();
  stream.rig.drain();
  CHECK_FALSE(stream.rig.session.holds_head());
  CHECK(stream.rig.sent.ends_with("\r\n\r\n"));
  stream.write("hello");
  stream.finish();
  CHECK(only_response(stream.rig).body == "hello");
}

TEST_CASE("session stream: a held head leaves with the end of an empty body") {
  Streaming stream{kGet, {}, false, [](Response& response) { response.hold_head = true; }};
  stream.answer();
  stream.finish();
  CHECK(only_response(stream.rig).complete);
}

TEST_CASE("session stream: interim responses go before a held head, not behind a written one") {
  Streaming stream{kGet, {}, false, [](Response& response) { response.hold_head = true; }};
  stream.answer();
  stream.rig.session.interim(*stream.exchange, 103, http::FieldList{});
  stream.write("hello");
  stream.rig.session.interim(*stream.exchange, 103, http::FieldList{});
  stream.finish();
  const std::vector<ReadResponse> all = responses(stream.rig);
  REQUIRE(all.size() == 2);
  CHECK(all[0].status == 103);
  CHECK(all[1].body == "hello");
}

// --- Back-pressure ---

TEST_CASE("session stream: while the output is full the pipe is left alone") {
  http::Limits limits;
  limits.response_memory = 100'000;
  Streaming stream{kGet, limits};
  stream.answer();
  stream.rig.draining_output = false;
  const std::string block(100'000, 'x');
  CHECK(stream.pipe->try_write(block) == BodyPipe::Outcome::accepted);
  stream.pump();
  CHECK(stream.pipe->try_write(block) == BodyPipe::Outcome::accepted);
  stream.pump();
  CHECK(stream.rig.session.output().size() >= http::kOutputMark);
  CHECK(stream.pipe->try_write(block) == BodyPipe::Outcome::accepted);
  stream.pump();
  CHECK(stream.pipe->try_write("x") == BodyPipe::Outcome::full);
  CHECK(stream.rig.session.output().size() < 2 * http::kOutputMark);
  stream.rig.draining_output = true;
  stream.rig.drain();
  CHECK(stream.pipe->try_write("x") == BodyPipe::Outcome::accepted);
  stream.finish();
  CHECK(only_response(stream.rig).body.size() == 300'001);
}

TEST_CASE("session stream: a spilled body arrives byte for byte through a ring that it fills many times") {
  http::Limits limits;
  limits.response_memory = 1000;
  limits.response_spill = 5000;
  for (const uint64_t step : {uint64_t{1}, uint64_t{777}, uint64_t{1} << 20}) {
    CAPTURE(step);
    Streaming stream{kGet, limits, true};
    stream.rig.draining_output = false;
    stream.answer();
    stream.rig.draining_output = true;
    const std::string body = pattern(step == 1 ? 12'000 : 100'000);
    std::string_view rest = body;
    while (!rest.empty()) {
      // Memory and ring are filled; then the socket takes some, so that the next write finds room.
      const std::string_view piece = rest.substr(0, 500);
      rest.remove_prefix(piece.size());
      stream.rig.session.pump(*stream.exchange);
      while (stream.rig.session.output().size() > 2000) stream.rig.drain(step);
      std::string_view left = piece;
      CHECK(stream.pipe->write(left) == BodyPipe::Outcome::accepted);
    }
    stream.finish();
    const ReadResponse response = only_response(stream.rig);
    CHECK(response.complete);
    CHECK((response.body == body));
    CHECK(stream.exchange->response_bytes == body.size());
  }
}

TEST_CASE("session stream: spilled bytes beyond a declared length give their room back") {
  http::Limits limits;
  limits.response_memory = 10;
  limits.response_spill = 100;
  Streaming stream{kGet, limits, true, [](Response& response) { response.declared_length = 5; }};
  stream.answer();
  // Twenty rings full: a producer that waited for room once would wait for ever.
  for (int i = 0; i < 40; ++i) stream.write(std::string(50, 'x'));
  stream.finish();
  CHECK(only_response(stream.rig).body == "xxxxx");
  CHECK(stream.rig.misframed.size() == 1);
}

TEST_CASE("session stream: spilled bytes of a HEAD give their room back") {
  http::Limits limits;
  limits.response_memory = 10;
  limits.response_spill = 100;
  Streaming stream{kHead, limits, true};
  stream.answer();
  for (int i = 0; i < 40; ++i) stream.write(std::string(50, 'x'));
  stream.finish();
  CHECK(stream.rig.sent.ends_with("\r\n\r\n"));
}

TEST_CASE("session stream: while the output is full a ring is not read either") {
  http::Limits limits;
  limits.response_memory = 200'000;
  limits.response_spill = 1000;
  Streaming stream{kGet, limits, true};
  stream.rig.draining_output = false;
  stream.answer();
  stream.write(std::string(200'000, 'x'));
  stream.write(std::string(201'000, 'y'));  // memory and ring are full, and stay so
  const BodyPipe::Portion portion = stream.pipe->take(2000);
  CHECK(portion.memory.size() == 200'000);
  CHECK(portion.file.size == 1000);
}

TEST_CASE("session stream: a body that fails before its first byte, with its head held, is a 500") {
  Streaming stream{kGet, {}, false, [](Response& response) {
                     response.hold_head = true;
                     CHECK(response.add("content-length", "100") == Response::FieldFault::none);
                     CHECK(response.add("set-cookie", "a=b") == Response::FieldFault::none);
                   }};
  stream.answer();
  stream.finish(false);
  const ReadResponse response = only_response(stream.rig);
  CHECK(response.status == 500);
  CHECK(response.complete);
  CHECK(response.body == "Internal Server Error\n");
  CHECK(field(response, "set-cookie") == "(none)");
  CHECK(stream.rig.misframed.empty());
  CHECK(stream.rig.session.phase() == Phase::idle);
}

TEST_CASE("session stream: a body that fails before its first byte, with its head sent, is cut off") {
  Streaming stream{kGet, {}, false, [](Response& response) { response.hold_head = true; }};
  stream.answer();
  stream.rig.session.release_head();
  stream.finish(false);
  CHECK_FALSE(only_response(stream.rig).complete);
  CHECK(stream.rig.closed());
}

TEST_CASE("session stream: a late pump for an exchange that is over changes nothing") {
  Streaming stream;
  stream.answer();
  stream.finish();
  const size_t before = stream.rig.sent.size();
  stream.pump();
  stream.rig.receive(kGet);
  REQUIRE(stream.rig.pending != nullptr);
  stream.pump();
  CHECK(stream.rig.sent.size() == before);
}
