// How a session ends, in each of its states: time-outs and the server's stop (fail), the peer's end of stream, drain;
// and when the connection lingers so that a reset does not cost the client its response.
#include <doctest/doctest.h>

#include <string>

#include "session_checks.hpp"

using namespace hyperion;
using namespace hyperion::test;
using base::ErrorCode;
using http::Exchange;
using http::Phase;
using http::Response;

namespace {

constexpr std::string_view kHalfLine = "GET /half";
constexpr std::string_view kHalfHead = "GET /half HTTP/1.1\r\nHost: a\r\nX: y";
constexpr std::string_view kHalfBody = "POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel";

std::string refusal(ErrorCode code, std::string_view seen) {
  return "= refused " + std::string{base::name_of(code)} + " " + std::to_string(base::status_of(code)) + "\n=   seen " +
         std::string{seen} + "\n";
}

}  // namespace

TEST_CASE("session end: a time-out in a request is answered with a complete response") {
  struct Row {
    std::string_view sent;
    ErrorCode code;
    std::string_view seen;
  };
  for (const Row& row : {Row{kHalfLine, ErrorCode::head_timeout, "request GET  HTTP/1.1"},
                         Row{kHalfHead, ErrorCode::head_timeout, "request GET /half HTTP/1.1"},
                         Row{kHalfBody, ErrorCode::body_timeout, "request POST /half HTTP/1.1"},
                         Row{kHalfBody, ErrorCode::body_too_slow, "request POST /half HTTP/1.1"},
                         Row{kHalfBody, ErrorCode::read_timeout, "request POST /half HTTP/1.1"}}) {
    CAPTURE(row.sent);
    SessionRig rig;
    rig.receive(row.sent);
    rig.session.fail(row.code);
    rig.drain();
    const ReadResponse response = only_response(rig);
    CHECK(response.status == 408);
    CHECK(response.complete);
    CHECK(response.body == "Request Timeout\n");
    CHECK(field(response, "connection") == "close");
    CHECK(to_text(rig.events) == refusal(row.code, row.seen));
    CHECK(rig.refused->response.status == 408);
    CHECK(rig.refused->output_end == rig.sent.size());
    CHECK(rig.closed());
    CHECK(rig.session.lingers());
    CHECK(rig.session.unread().empty());
  }
}

TEST_CASE("session end: the server's stop in a request is answered with 503") {
  SessionRig rig;
  rig.receive(kHalfBody);
  rig.session.fail(ErrorCode::shutting_down);
  rig.drain();
  CHECK(only_response(rig).status == 503);
  CHECK(rig.closed());
}

TEST_CASE("session end: a body that cannot be stored is answered with 500") {
  SessionRig rig;
  rig.receive(kHalfBody);
  rig.session.fail(ErrorCode::body_storage_failed);
  rig.drain();
  CHECK(only_response(rig).status == 500);
  CHECK(rig.closed());
}

TEST_CASE("session end: an error without a status ends a request without a response") {
  for (const std::string_view sent : {kHalfLine, kHalfHead, kHalfBody}) {
    SessionRig rig;
    rig.receive(sent);
    rig.session.fail(ErrorCode::idle_timeout);
    rig.drain();
    CHECK(rig.sent.empty());
    CHECK(rig.events.size() == 1);
    CHECK(rig.events.front().what == "refused idle_timeout 0");
    CHECK(rig.closed());
    CHECK_FALSE(rig.session.lingers());
  }
}

TEST_CASE("session end: between requests a time-out closes without a word") {
  for (const std::string_view sent : {std::string_view{}, std::string_view{"\r\n"}, std::string_view{"\r\n\r"}}) {
    SessionRig rig;
    if (!sent.empty()) rig.receive(sent);
    CHECK(rig.session.phase() == Phase::idle);
    rig.session.fail(ErrorCode::head_timeout);
    CHECK(rig.session.output().empty());
    CHECK(rig.events.empty());
    CHECK(rig.closed());
    CHECK_FALSE(rig.session.lingers());
  }
}

TEST_CASE("session end: while a request is answered a failure makes its response the last") {
  SessionRig rig;
  rig.receive(kGet);
  rig.session.fail(ErrorCode::shutting_down);
  CHECK(rig.session.phase() == Phase::waiting);
  rig.pending->response.bytes = "hello";
  rig.answer();
  rig.drain();
  const ReadResponse response = only_response(rig);
  CHECK(response.status == 200);
  CHECK(field(response, "connection") == "close");
  CHECK(rig.closed());
}

TEST_CASE("session end: a failure in the middle of a stream does not touch it") {
  SessionRig rig;
  rig.receive(kGet);
  Exchange& exchange = *rig.pending;
  exchange.response.body = Response::Body::stream;
  http::BodyPipe& pipe = exchange.open_pipe(http::Limits{}, false);
  rig.answer();
  rig.session.fail(ErrorCode::shutting_down);
  CHECK(pipe.try_write("hello") == http::BodyPipe::Outcome::accepted);
  pipe.finish(true);
  rig.session.pump(exchange);
  rig.drain();
  CHECK(only_response(rig).complete);
}

TEST_CASE("session end: after the end nothing happens any more") {
  SessionRig rig;
  rig.receive("nonsense\r\n\r\n");
  const std::string sent = rig.sent;
  const size_t events = rig.events.size();
  CHECK(rig.closed());
  rig.receive(kGet);
  rig.session.fail(ErrorCode::head_timeout);
  rig.session.drain();
  rig.receive_end();
  rig.session.advance();
  rig.session.output_drained();
  rig.session.release_head();
  rig.drain();
  CHECK(rig.sent == sent);
  CHECK(rig.events.size() == events);
  CHECK(rig.session.unread().empty());
  CHECK(rig.session.wants_input());  // so that a lingering connection goes on reading
}

// --- The peer's end of stream ---

TEST_CASE("session end: the peer leaves between requests") {
  SessionRig rig;
  rig.receive_end();
  CHECK(rig.closed());
  CHECK(rig.events.empty());
  CHECK(rig.session.output().empty());
}

TEST_CASE("session end: the peer leaves in the middle of a request") {
  for (const auto& [sent, seen] : {std::pair{kHalfLine, "request GET  HTTP/1.1"},
                                   {kHalfHead, "request GET /half HTTP/1.1"},
                                   {kHalfBody, "request POST /half HTTP/1.1"}}) {
    SessionRig rig;
    rig.receive(sent);
    rig.receive_end();
    CHECK(rig.closed());
    CHECK(to_text(rig.events) == refusal(ErrorCode::truncated_request, seen));
    CHECK(rig.session.output().empty());
    CHECK_FALSE(rig.session.lingers());
  }
}

TEST_CASE("session end: the peer leaves while it is answered, and gets its answer") {
  SessionRig rig;
  rig.receive(kGet);
  rig.receive_end();
  CHECK(rig.session.phase() == Phase::waiting);
  rig.pending->response.bytes = "hello";
  rig.answer();
  rig.drain();
  CHECK(only_response(rig).body == "hello");
  CHECK(rig.closed());
}

TEST_CASE("session end: the peer leaves behind several requests, and gets all answers; the last says close") {
  SessionRig rig;
  rig.answering = false;
  rig.application = [](Exchange& exchange) { exchange.response.bytes = "hello"; };
  for (int i = 0; i < 3; ++i) rig.receive(kGet);
  rig.receive_end();
  rig.answering = true;
  rig.settle();
  const std::vector<ReadResponse> all = responses(rig);
  REQUIRE(all.size() == 3);
  CHECK_FALSE(all[0].closes);
  CHECK_FALSE(all[1].closes);
  CHECK(all[2].closes);
  CHECK(rig.closed());
}

TEST_CASE("session end: the peer leaves while requests of it wait for their turn, and all are served") {
  SessionRig rig;
  rig.application = [](Exchange& exchange) { exchange.response.bytes = "hello"; };
  std::string_view next = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
  SUBCASE("one") {}
  SUBCASE("and an empty line, of which nothing comes") { next = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r"; }
  SUBCASE("and half a head") { next = "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET"; }
  // Not settled: the connection goes on with the second one later.
  rig.session.receive(std::string{kGet} + std::string{next});
  rig.application(*rig.pending);
  rig.answer();
  CHECK(rig.session.unread().size() == next.size());
  rig.receive_end();
  CHECK(responses(rig).size() == 2);
  CHECK(rig.closed());
}

TEST_CASE("session end: the peer leaves in the middle of a streamed answer, and gets all of it") {
  SessionRig rig;
  rig.receive(kGet);
  Exchange& exchange = *rig.pending;
  exchange.response.body = Response::Body::stream;
  http::BodyPipe& pipe = exchange.open_pipe(http::Limits{}, false);
  rig.answer();
  rig.receive_end();
  CHECK(pipe.try_write("hello") == http::BodyPipe::Outcome::accepted);
  pipe.finish(true);
  rig.session.pump(exchange);
  rig.settle();
  const ReadResponse response = only_response(rig);
  CHECK(response.complete);
  CHECK(rig.closed());
}

// --- Drain ---

TEST_CASE("session end: drained between requests it closes at once") {
  SessionRig rig;
  rig.session.drain();
  CHECK(rig.closed());
  CHECK(rig.session.lingers());  // the next request may be on its way
}

TEST_CASE("session end: drained in the middle of a request it serves that") {
  for (const std::string_view sent : {kHalfLine, kHalfHead, kHalfBody}) {
    CAPTURE(sent);
    SessionRig rig;
    rig.application = [](Exchange& exchange) { exchange.response.bytes = "hello"; };
    rig.receive(sent);
    rig.session.drain();
    CHECK_FALSE(rig.closed());
    rig.receive(sent == kHalfLine ? " HTTP/1.1\r\nHost: a\r\n\r\n" : sent == kHalfHead ? "\r\n\r\n" : "lo");
    const ReadResponse response = only_response(rig);
    CHECK(response.status == 200);
    CHECK(response.closes);
    CHECK(rig.closed());
  }
}

TEST_CASE("session end: drained with a request in hand it serves that one only") {
  SessionRig rig;
  rig.answering = false;
  rig.application = [](Exchange& exchange) { exchange.response.bytes = "hello"; };
  rig.receive(kGet);
  rig.receive(kGet);
  rig.session.drain();
  rig.answering = true;
  rig.settle();
  CHECK(only_response(rig).closes);
  CHECK(rig.closed());
}

TEST_CASE("session end: drained between two requests of which the second is there, it serves that") {
  SessionRig rig;
  rig.receive(kGet);
  rig.receive(kGet);
  rig.answer();  // no advance: the second waits in the session
  CHECK(rig.session.phase() == Phase::idle);
  rig.session.drain();
  CHECK_FALSE(rig.closed());
  rig.session.advance();
  REQUIRE(rig.pending != nullptr);
  rig.answer();
  rig.drain();
  const std::vector<ReadResponse> all = responses(rig);
  REQUIRE(all.size() == 2);
  CHECK(all[1].closes);
  CHECK(rig.closed());
}

// --- Lingering ---

TEST_CASE("session end: after a refusal the connection lingers (RFC 9112 section 9.6)") {
  SessionRig rig;
  rig.receive("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
  CHECK(rig.closed());
  CHECK(rig.session.lingers());
}

TEST_CASE("session end: a client that asked for the end is not waited for") {
  for (const std::string_view request :
       {kGet10, std::string_view{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}}) {
    SessionRig rig;
    (void)answer_to(rig, request, [](Exchange&) {});
    CHECK(rig.closed());
    CHECK_FALSE(rig.session.lingers());
  }
}

TEST_CASE("session end: a client that asked for the end and sent more is waited for") {
  SessionRig rig;
  rig.application = [](Exchange&) {};
  rig.receive("GET / HTTP/1.0\r\n\r\nmore");
  CHECK(rig.closed());
  CHECK(rig.session.lingers());
}

TEST_CASE("session end: a client that could send more, for it was not its wish to end, is waited for") {
  SessionRig rig;
  (void)answer_to(rig, kGet, [](Exchange& exchange) { exchange.response.wants_close = true; });
  CHECK(rig.closed());
  CHECK(rig.session.lingers());
}

TEST_CASE("session end: while the server stops, one that has sent more, or might have, is waited for") {
  SessionRig rig;
  rig.context.draining = true;
  rig.application = [](Exchange&) {};
  std::string request{kGet};
  bool waited = true;
  SUBCASE("it might have") {}
  SUBCASE("it has") { request += "GET"; }
  SUBCASE("it said that nothing follows") {
    request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    waited = false;
  }
  rig.receive(request);
  CHECK(rig.session.lingers() == waited);
  CHECK(rig.closed());
}

TEST_CASE("session end: a refused HEAD gets a head") {
  SessionRig rig;
  rig.receive("HEAD / HTTP/1.1\r\n\r\n");
  const ReadResponse response = only_response(rig);
  CHECK(response.status == 400);
  CHECK(field(response, "content-length") == "12");
  CHECK(rig.sent.ends_with("\r\n\r\n"));
  CHECK(rig.refused->response_bytes == 0);
  // For the log: what a GET would have been sent.
  SessionRig other;
  other.receive("GET / HTTP/1.1\r\n\r\n");
  CHECK(other.refused->response_bytes == 12);
}

TEST_CASE("session end: a refused head knows nothing of the one before it on the same exchange") {
  SessionRig rig;
  // What an exchange keeps from earlier, when its bytes are cleared and their memory stays.
  rig.application = [](Exchange& exchange) { exchange.response.bytes = "x"; };
  rig.receive("DELETE /secret-of-another-client HTTP/1.1\r\nHost: a\r\n\r\nGET /half");
  rig.receive_end();
  CHECK(to_text(rig.events).find("= refused truncated_request 0\n=   seen request GET  HTTP/1.1\n") !=
        std::string::npos);
}
