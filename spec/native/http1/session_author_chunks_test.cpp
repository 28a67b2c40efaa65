// Answers whose author has set transfer-encoding: chunked: the body may be coded already, must not be coded twice, and
// must not be lost when it is not coded at all.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "http1/body_coding.hpp"
#include "session_checks.hpp"

using namespace hyperion;
using namespace hyperion::test;
using http::Exchange;
using http::Phase;
using http::Response;

namespace {

SessionRig::Application declares_chunked(std::vector<std::string> pieces) {
  return [pieces = std::move(pieces)](Exchange& exchange) {
    CHECK(exchange.response.add("transfer-encoding", "chunked") == Response::FieldFault::none);
    for (const std::string& piece : pieces) exchange.response.blocks.push_back(buffer::Block::own(std::string{piece}));
  };
}

// The same pieces as a stream.
SessionRig::Application streams_chunked(std::vector<std::string> pieces, bool complete = true) {
  return [pieces = std::move(pieces), complete](Exchange& exchange) {
    CHECK(exchange.response.add("transfer-encoding", "chunked") == Response::FieldFault::none);
    exchange.response.body = Response::Body::stream;
    http::BodyPipe& pipe = exchange.open_pipe(http::Limits{}, false);
    for (const std::string& piece : pieces) CHECK(pipe.try_write(piece) == http::BodyPipe::Outcome::accepted);
    pipe.finish(complete);
  };
}

const std::vector<std::string> kMisframed = {"the body is not in the chunked coding that its head declares"};

}  // namespace

TEST_CASE("author's chunks: a body that is coded is not coded twice") {
  for (const bool stream : {false, true}) {
    CAPTURE(stream);
    const std::vector<std::string> pieces = {"5\r\nhel", "lo\r\n1;x=y\r\n!\r\n0\r", "\nTrailer: dropped\r\n\r\n"};
    SessionRig rig;
    const ReadResponse response = answer_to(rig, kGet, stream ? streams_chunked(pieces) : declares_chunked(pieces));
    CHECK(response.chunked);
    CHECK(response.body == "hello!");
    CHECK(response.complete);
    CHECK(rig.misframed.empty());
    CHECK(rig.session.phase() == Phase::idle);
    CHECK(rig.answered.front().first->response_bytes == 6);
  }
}

TEST_CASE("author's chunks: a body that is not coded is content") {
  // Some of these begin like a chunk; the last two end before it is clear that they are none.
  for (const std::string content :
       {"hello", "5 apples", "12345678901234567890", "a\rb", "5\n", "", "deadbeef", "5;x"}) {
    for (const bool stream : {false, true}) {
      CAPTURE(content);
      CAPTURE(stream);
      std::vector<std::string> pieces;
      for (char c : content) pieces.emplace_back(1, c);
      SessionRig rig;
      const ReadResponse response = answer_to(rig, kGet, stream ? streams_chunked(pieces) : declares_chunked(pieces));
      CHECK(response.body == content);
      CHECK(response.complete);
      CHECK(rig.misframed.empty());
      CHECK(rig.session.phase() == Phase::idle);
    }
  }
}

TEST_CASE("author's chunks: a coding that breaks off does not look complete") {
  for (const std::vector<std::string>& pieces : {std::vector<std::string>{"5\r\nhello\r\n"},
                                                 {"5\r\nhello\r\n", "x\r\n"},
                                                 {"5\r\nhello\r\n0\r\n"},
                                                 {"5\r\nhell"}}) {
    for (const bool stream : {false, true}) {
      CAPTURE(pieces.back());
      CAPTURE(stream);
      SessionRig rig;
      const ReadResponse response = answer_to(rig, kGet, stream ? streams_chunked(pieces) : declares_chunked(pieces));
      CHECK(response.body.starts_with("hell"));
      CHECK_FALSE(response.complete);
      CHECK_FALSE(response.trailing_chunk);
      CHECK(rig.misframed == kMisframed);
      CHECK_FALSE(rig.answered.front().second);
      CHECK(rig.closed());
    }
  }
}

TEST_CASE("author's chunks: what follows the last chunk is dropped") {
  for (const bool stream : {false, true}) {
    const std::vector<std::string> pieces = {"1\r\nx\r\n0\r\n\r\nmore", "and more"};
    SessionRig rig;
    const ReadResponse response = answer_to(rig, kGet, stream ? streams_chunked(pieces) : declares_chunked(pieces));
    CHECK(response.body == "x");
    CHECK(response.complete);
  }
}

TEST_CASE("author's chunks: a stream that its author cuts off is cut off") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, streams_chunked({"1\r\nx\r\n"}, false));
  CHECK(response.body == "x");
  CHECK_FALSE(response.complete);
  CHECK(rig.misframed.empty());
  CHECK(rig.closed());
}

TEST_CASE("author's chunks: HTTP/1.0 gets the content, until the connection closes") {
  for (const bool stream : {false, true}) {
    const std::vector<std::string> pieces = {"5\r\nhello\r\n0\r\n\r\n"};
    SessionRig rig;
    const ReadResponse response =
        answer_to(rig, kGet10KeepAlive, stream ? streams_chunked(pieces) : declares_chunked(pieces));
    CHECK_FALSE(response.chunked);
    CHECK(response.until_close);
    CHECK(response.body == "hello");
    CHECK(field(response, "connection") == "close");
    CHECK(rig.closed());
  }
}

TEST_CASE("author's chunks: HEAD has the head of GET and no body") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kHead, declares_chunked({"5\r\nhello\r\n0\r\n\r\n"}));
  CHECK(field(response, "transfer-encoding") == "chunked");
  CHECK(rig.sent.ends_with("\r\n\r\n"));
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("author's chunks: a declared length beside them counts the content") {
  SessionRig rig;
  rig.application = [](Exchange& exchange) {
    CHECK(exchange.response.add("content-length", "5") == Response::FieldFault::none);
    declares_chunked({"5\r\nhello\r\n0\r\n\r\n"})(exchange);
  };
  rig.receive(kGet);
  const ReadResponse response = only_response(rig);
  CHECK(field(response, "content-length") == "5");
  CHECK(response.body == "hello");
  CHECK(rig.misframed.empty());
}

TEST_CASE("author's chunks: a connection answers several such requests") {
  SessionRig rig;
  int count = 0;
  rig.application = [&](Exchange& exchange) {
    // The second breaks nothing of the third.
    if (++count == 2) {
      declares_chunked({"abc"})(exchange);
    } else {
      declares_chunked({"1\r\n" + std::to_string(count) + "\r\n0\r\n\r\n"})(exchange);
    }
  };
  for (int i = 0; i < 3; ++i) rig.receive(kGet);
  const std::vector<ReadResponse> all = responses(rig);
  REQUIRE(all.size() == 3);
  CHECK(all[0].body == "1");
  CHECK(all[1].body == "abc");
  CHECK(all[2].body == "3");
}

TEST_CASE("author's chunks: the same whatever the pieces") {
  const std::string coded = "a;ext=\"q\"\r\n0123456789\r\n3\r\nabc\r\n0\r\nT: x\r\n\r\n";
  for (size_t cut = 0; cut <= coded.size(); ++cut) {
    http1::AuthorChunks chunks{http::Limits{}};
    std::string content;
    CHECK(chunks.decode(std::string_view{coded}.substr(0, cut), content));
    CHECK(chunks.decode(std::string_view{coded}.substr(cut), content));
    CHECK(chunks.finish(content));
    CHECK(content == "0123456789abc");
  }
}
