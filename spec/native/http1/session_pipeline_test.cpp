// Several requests on one connection: one at a time, in order, with bounded memory.
#include <doctest/doctest.h>

#include <string>

#include "session_checks.hpp"

using namespace hyperion;
using namespace hyperion::test;
using http::Exchange;
using http::Phase;

namespace {

std::string get(int number) { return "GET /" + std::to_string(number) + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

}  // namespace

TEST_CASE("session pipeline: no second request before the first is answered") {
  SessionRig rig;
  rig.receive(get(1) + get(2));
  CHECK(rig.events.size() == 1);
  rig.session.advance();
  CHECK(rig.events.size() == 1);
  CHECK(rig.session.unread() == get(2));
  rig.answer();
  CHECK(rig.events.size() == 1);
  CHECK(rig.session.phase() == Phase::idle);
  rig.session.advance();
  CHECK(rig.events.size() == 2);
  CHECK(rig.session.unread().empty());
}

TEST_CASE("session pipeline: advance takes one request at most") {
  SessionRig rig;
  rig.receive(get(1) + get(2) + get(3));
  rig.answer();
  rig.session.advance();
  CHECK(rig.events.size() == 2);
  CHECK(rig.session.unread() == get(3));
}

TEST_CASE("session pipeline: answers leave in order, whatever their kind") {
  SessionRig rig;
  rig.answering = false;
  int count = 0;
  rig.application = [&](Exchange& exchange) {
    const std::string number = std::to_string(++count);
    if (count % 2 == 0) {
      exchange.response.body = http::Response::Body::stream;
      http::BodyPipe& pipe = exchange.open_pipe(http::Limits{}, false);
      CHECK(pipe.try_write(number) == http::BodyPipe::Outcome::accepted);
      pipe.finish(true);
    } else {
      exchange.response.bytes = number;
    }
  };
  std::string all;
  for (int i = 1; i <= 100; ++i) all += get(i);
  rig.receive(all);
  rig.answering = true;
  rig.settle();
  const std::vector<ReadResponse> answers = responses(rig);
  REQUIRE(answers.size() == 100);
  for (int i = 0; i < 100; ++i) {
    CHECK(answers[static_cast<size_t>(i)].body == std::to_string(i + 1));
    CHECK(rig.events[static_cast<size_t>(i)].what == "request GET /" + std::to_string(i + 1) + " HTTP/1.1");
  }
}

TEST_CASE("session pipeline: while a request is answered it wants no more than its limit") {
  http::Limits limits;
  limits.pipeline_bytes = 100;
  SessionRig rig{limits};
  CHECK(rig.session.wants_input());
  rig.receive(get(1));
  CHECK(rig.session.wants_input());
  rig.receive(std::string(99, 'G'));
  CHECK(rig.session.wants_input());
  rig.receive("G");
  CHECK_FALSE(rig.session.wants_input());
  rig.answer();
  CHECK(rig.session.wants_input());  // a head or a body that has begun is always read on
}

TEST_CASE("session pipeline: a limit of 0 is no limit") {
  http::Limits limits;
  limits.pipeline_bytes = 0;
  SessionRig rig{limits};
  rig.receive(get(1) + std::string(1'000'000, 'G'));
  CHECK(rig.session.wants_input());
}

TEST_CASE("session pipeline: phases tell what is waited for") {
  SessionRig rig;
  CHECK(rig.session.phase() == Phase::idle);
  rig.receive("P");
  CHECK(rig.session.phase() == Phase::head);
  rig.receive("OST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
  CHECK(rig.session.phase() == Phase::body);
  CHECK(rig.reading != nullptr);
  rig.receive("o");
  CHECK(rig.session.phase() == Phase::body);
  rig.receive("k");
  CHECK(rig.session.phase() == Phase::waiting);
  CHECK(rig.reading == nullptr);
  rig.answer();
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("session pipeline: a stray line end between requests leaves it idle, with nothing made for it") {
  SessionRig rig;
  rig.application = [](Exchange&) {};
  rig.receive(get(1));
  rig.receive("\r\n\r\n\r");
  CHECK(rig.session.phase() == Phase::idle);
  CHECK(rig.exchanges.size() == 1);
  rig.receive("\n");
  CHECK(rig.session.phase() == Phase::idle);
  CHECK(rig.session.unread().empty());
  CHECK(rig.exchanges.size() == 1);
}

TEST_CASE("session pipeline: on_head is told of requests with a body only") {
  SessionRig rig;
  rig.receive(get(1));
  CHECK(rig.reading == nullptr);
  rig.answer();
  rig.receive("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(rig.reading != nullptr);
}

TEST_CASE("session pipeline: a body may be taken away while it arrives") {
  // As a connection does that moves it to a file.
  for (const std::string_view head : {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
                                      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n"}) {
    http::Limits limits;
    limits.max_body_bytes = 10;
    SessionRig rig{limits};
    rig.receive(head);
    REQUIRE(rig.reading != nullptr);
    Exchange& exchange = *rig.reading;
    std::string taken;
    for (const char c : std::string_view{"0123456789"}) {
      rig.receive(std::string(1, c));
      taken += std::exchange(exchange.request.body.memory, std::string{});
    }
    if (exchange.request.chunked) rig.receive("\r\n0\r\n\r\n");
    CHECK(taken == "0123456789");
    CHECK(rig.pending == &exchange);
    CHECK(exchange.request.body.memory.empty());
  }
}

TEST_CASE("session pipeline: a thousand requests leave no memory behind in the session") {
  SessionRig rig;
  rig.application = [](Exchange& exchange) { exchange.response.bytes = "x"; };
  for (int i = 0; i < 1000; ++i) {
    rig.receive(get(i));
    CHECK(rig.session.unread().empty());
    CHECK(rig.session.output().empty());
  }
}

TEST_CASE("session pipeline: each request may have interim responses") {
  SessionRig rig;
  for (int i = 1; i <= 2; ++i) {
    rig.receive(get(i));
    rig.session.interim(*rig.pending, 103, http::FieldList{});
    rig.answer();
    rig.drain();
  }
  std::vector<int> statuses;
  for (const ReadResponse& response : responses(rig)) statuses.push_back(response.status);
  CHECK(statuses == std::vector<int>{103, 200, 103, 200});
}
