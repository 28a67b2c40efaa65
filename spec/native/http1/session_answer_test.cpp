// How the session frames a complete answer: RFC 9112 section 6, RFC 9110 sections 8.6 and 15.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "session_checks.hpp"

using namespace hyperion;
using namespace hyperion::test;
using http::Exchange;
using http::Phase;
using http::Response;

namespace {

SessionRig::Application says(std::string_view body, int status = 200) {
  return [=](Exchange& exchange) {
    exchange.response.status = status;
    exchange.response.bytes = body;
  };
}

buffer::FileRange file_of(std::string_view bytes) {
  base::UniqueFd fd{::memfd_create("body", MFD_CLOEXEC)};
  REQUIRE(fd.valid());
  REQUIRE(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  return {.file = std::make_shared<const base::UniqueFd>(std::move(fd)), .offset = 0, .size = bytes.size()};
}

}  // namespace

TEST_CASE("session answer: a body in memory is counted, and the connection goes on") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, says("hello"));
  CHECK(response.status == 200);
  CHECK(response.reason == "OK");
  CHECK(response.body == "hello");
  CHECK(field(response, "content-length") == "5");
  CHECK(field(response, "date") == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(field(response, "connection") == "(none)");
  CHECK(field(response, "transfer-encoding") == "(none)");
  CHECK(rig.session.phase() == Phase::idle);
  REQUIRE(rig.answered.size() == 1);
  CHECK(rig.answered.front().second);
  CHECK(rig.answered.front().first->response_bytes == 5);
  CHECK(rig.answered.front().first->output_end == rig.sent.size());
}

TEST_CASE("session answer: an empty body has the length 0") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, says(""));
  CHECK(field(response, "content-length") == "0");
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("session answer: a status without a phrase keeps the blank before it (RFC 9112 section 4)") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, says("x", 299));
  CHECK(response.status == 299);
  CHECK(rig.sent.starts_with("HTTP/1.1 299 \r\n"));
}

TEST_CASE("session answer: HEAD has the head of GET and no body (RFC 9110 section 9.3.2)") {
  SessionRig get;
  (void)answer_to(get, kGet, says("hello"));
  SessionRig head;
  (void)answer_to(head, kHead, says("hello"));
  CHECK(head.sent + "hello" == get.sent);
  CHECK(head.answered.front().first->response_bytes == 0);
  CHECK(head.misframed.empty());
  CHECK(head.session.phase() == Phase::idle);
}

TEST_CASE("session answer: of a HEAD without a body the length is not known") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kHead, says(""));
  CHECK(field(response, "content-length") == "(none)");
  CHECK(field(response, "transfer-encoding") == "(none)");
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("session answer: of a HEAD without a body the declared length is sent") {
  SessionRig rig;
  const ReadResponse response =
      answer_to(rig, kHead, [](Exchange& exchange) { exchange.response.declared_length = 1234; });
  CHECK(field(response, "content-length") == "1234");
  CHECK(rig.misframed.empty());
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("session answer: 204 has neither body nor length (RFC 9110 sections 8.6 and 15.3.5)") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
    exchange.response.status = 204;
    exchange.response.declared_length = 5;
    exchange.response.bytes = "hello";
  });
  CHECK(response.body.empty());
  CHECK(field(response, "content-length") == "(none)");
  CHECK(field(response, "transfer-encoding") == "(none)");
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("session answer: 304 has no body, and a length only when it is declared (RFC 9110 section 15.4.5)") {
  SessionRig rig;
  SUBCASE("declared") {
    const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
      exchange.response.status = 304;
      exchange.response.declared_length = 5;
    });
    CHECK(field(response, "content-length") == "5");
  }
  SUBCASE("not declared") { CHECK(field(answer_to(rig, kGet, says("hello", 304)), "content-length") == "(none)"); }
  SUBCASE("a file") {
    const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
      exchange.response.status = 304;
      exchange.response.body = Response::Body::file;
      exchange.response.file = file_of("hello");
    });
    CHECK(field(response, "content-length") == "(none)");
  }
  CHECK(rig.sent.ends_with("\r\n\r\n"));
  CHECK(rig.misframed.empty());
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("session answer: HTTP/1.0 closes and says so (RFC 9112 section 9.3)") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet10, says("hello"));
  CHECK(rig.sent.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(field(response, "connection") == "close");
  CHECK(field(response, "content-length") == "5");
  CHECK(rig.closed());
}

TEST_CASE("session answer: HTTP/1.0 with keep-alive goes on and says so (RFC 9112 section 9.3)") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet10KeepAlive, says("hello"));
  CHECK(field(response, "connection") == "keep-alive");
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("session answer: a declared length that is shorter than the body wins") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
    exchange.response.declared_length = 4;
    exchange.response.bytes = "he";
    exchange.response.blocks.push_back(buffer::Block::own("ll"));
    exchange.response.blocks.push_back(buffer::Block::own("o"));
  });
  CHECK(response.body == "hell");
  CHECK(field(response, "content-length") == "4");
  CHECK(rig.misframed == std::vector<std::string>{"the body is longer than its declared content-length"});
  CHECK(rig.answered.front().second);
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("session answer: a declared length that is longer than the body closes the connection") {
  SessionRig rig;
  rig.application = [](Exchange& exchange) {
    exchange.response.declared_length = 6;
    exchange.response.bytes = "hello";
  };
  rig.receive(kGet);
  CHECK(rig.sent.ends_with("\r\n\r\nhello"));
  CHECK(rig.misframed == std::vector<std::string>{"the body is shorter than its declared content-length"});
  CHECK_FALSE(rig.answered.front().second);
  CHECK(rig.closed());
}

TEST_CASE("session answer: blocks leave whole, in order, and are released once") {
  static int released = 0;
  released = 0;
  SessionRig rig;
  const std::string large(100'000, 'x');
  const ReadResponse response = answer_to(rig, kGet, [&](Exchange& exchange) {
    exchange.response.bytes = "first ";
    exchange.response.blocks.push_back(
        {.data = large.data(), .size = large.size(), .release = [](void*) noexcept { ++released; }, .owner = nullptr});
    exchange.response.blocks.push_back(buffer::Block::own(" last"));
  });
  CHECK((response.body == "first " + large + " last"));
  CHECK(released == 1);
  CHECK(rig.exchanges.front()->response.blocks.empty());
}

TEST_CASE("session answer: a block that may not be sent is released as well") {
  static int released = 0;
  released = 0;
  SessionRig rig;
  (void)answer_to(rig, kHead, [](Exchange& exchange) {
    exchange.response.blocks.push_back(
        {.data = "x", .size = 1, .release = [](void*) noexcept { ++released; }, .owner = nullptr});
  });
  CHECK(released == 1);
}

TEST_CASE("session answer: a large body goes over without a copy") {
  SessionRig rig;
  rig.draining_output = false;
  const char* where = nullptr;
  rig.application = [&](Exchange& exchange) {
    exchange.response.bytes = std::string(200'000, 'x');
    where = exchange.response.bytes.data();
  };
  rig.receive(kGet);
  std::array<iovec, 4> pieces;
  REQUIRE(rig.session.output().as_iovecs(pieces) == 2);
  CHECK(pieces[1].iov_base == where);
  CHECK(pieces[1].iov_len == 200'000);
}

TEST_CASE("session answer: head and body of a small answer are one piece") {
  SessionRig rig;
  rig.draining_output = false;
  rig.application = says("hello");
  rig.receive(kGet);
  std::array<iovec, 4> pieces;
  CHECK(rig.session.output().as_iovecs(pieces) == 1);
}

TEST_CASE("session answer: a head larger than a chunk of output") {
  SessionRig rig;
  const std::string value(10'000, 'v');
  const ReadResponse response = answer_to(rig, kGet, [&](Exchange& exchange) {
    CHECK(exchange.response.add("x-large", value) == Response::FieldFault::none);
    exchange.response.bytes = "hello";
  });
  CHECK((field(response, "x-large") == value));
  CHECK(response.body == "hello");
}

TEST_CASE("session answer: fields go as they are, and the author's date is the only one") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
    for (const auto& [name, value] : {std::pair{"Date", "long ago"}, {"Set-Cookie", "a=b"}, {"set-cookie", "c=d"}}) {
      CHECK(exchange.response.add(name, value) == Response::FieldFault::none);
    }
  });
  CHECK(response.count("date") == 1);
  CHECK(field(response, "date") == "long ago");
  CHECK(response.count("set-cookie") == 2);
  CHECK(rig.sent.find("Set-Cookie: a=b\r\nset-cookie: c=d\r\n") != std::string::npos);
}

// --- Files ---

TEST_CASE("session answer: a file is counted and sent as a range") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
    exchange.response.body = Response::Body::file;
    exchange.response.file = file_of("0123456789");
    exchange.response.file.offset = 2;
    exchange.response.file.size = 5;
  });
  CHECK(response.body == "23456");
  CHECK(field(response, "content-length") == "5");
  CHECK(rig.session.phase() == Phase::idle);
}

TEST_CASE("session answer: HEAD of a file has its length") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kHead, [](Exchange& exchange) {
    exchange.response.body = Response::Body::file;
    exchange.response.file = file_of("hello");
  });
  CHECK(field(response, "content-length") == "5");
  CHECK(rig.sent.ends_with("\r\n\r\n"));
}

TEST_CASE("session answer: a declared length cuts a file as well") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
    exchange.response.declared_length = 3;
    exchange.response.body = Response::Body::file;
    exchange.response.file = file_of("hello");
  });
  CHECK(response.body == "hel");
  CHECK(rig.misframed.size() == 1);
}

TEST_CASE("session answer: an author who declares chunked and gives a file has given a file") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
    exchange.response.declared_chunked = true;
    exchange.response.body = Response::Body::file;
    exchange.response.file = file_of("hello");
  });
  CHECK(response.body == "hello");
  CHECK(field(response, "content-length") == "5");
  CHECK(response.complete);
}

// --- Who ends the connection ---

TEST_CASE("session answer: the author's connection: close is obeyed") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
    CHECK(exchange.response.add("connection", "close") == Response::FieldFault::none);
    exchange.response.bytes = "bye";
  });
  CHECK(field(response, "connection") == "close");
  CHECK(response.body == "bye");
  CHECK(rig.closed());
}

TEST_CASE("session answer: a server that stops says close") {
  SessionRig rig;
  rig.context.draining = true;
  CHECK(field(answer_to(rig, kGet, says("bye")), "connection") == "close");
  CHECK(rig.closed());
}

TEST_CASE("session answer: a session that drains says close") {
  SessionRig rig;
  rig.receive(kGet);
  rig.session.drain();
  REQUIRE(rig.pending != nullptr);
  rig.answer();
  rig.drain();
  CHECK(field(only_response(rig), "connection") == "close");
  CHECK(rig.closed());
}

TEST_CASE("session answer: a client that sends no more is told close") {
  SessionRig rig;
  rig.receive(kGet);
  rig.receive_end();
  CHECK(rig.session.phase() == Phase::waiting);
  rig.answer();
  rig.drain();
  CHECK(field(only_response(rig), "connection") == "close");
  CHECK(rig.closed());
}

// --- Upgrades ---

TEST_CASE("session answer: a raw 101 hands the connection over (RFC 9110 section 15.2.2)") {
  SessionRig rig;
  rig.application = [](Exchange& exchange) {
    exchange.response.status = 101;
    CHECK(exchange.response.add("upgrade", "echo") == Response::FieldFault::none);
    exchange.response.body = Response::Body::raw;
  };
  rig.receive("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nbytes of echo");
  const ReadResponse response = only_response(rig);
  CHECK(response.status == 101);
  CHECK(field(response, "connection") == "upgrade");
  CHECK(field(response, "upgrade") == "echo");
  CHECK(field(response, "content-length") == "(none)");
  REQUIRE(rig.raw.size() == 1);
  CHECK(rig.raw.front()->output_end == rig.sent.size());
  CHECK(rig.answered.empty());
  CHECK(rig.session.unread() == "bytes of echo");
}

TEST_CASE("session answer: raw with another status ends with the connection") {
  SessionRig rig;
  rig.application = [](Exchange& exchange) {
    exchange.response.declared_length = 5;
    exchange.response.body = Response::Body::raw;
  };
  rig.receive(kGet);
  CHECK(rig.sent.find("connection: close\r\n") != std::string::npos);
  CHECK(rig.sent.find("content-length") == std::string::npos);
  CHECK(rig.raw.size() == 1);
}

TEST_CASE("session answer: nothing is written into a connection that is handed over") {
  SessionRig rig;
  rig.application = [](Exchange& exchange) { exchange.response.body = Response::Body::raw; };
  rig.receive(kGet);
  const size_t before = rig.sent.size();
  http::FieldList hints;
  hints.add("link", "</x>");
  rig.session.interim(*rig.raw.front(), 103, hints);
  rig.session.fail(base::ErrorCode::shutting_down);
  rig.session.output_drained();
  rig.drain();
  CHECK(rig.sent.size() == before);
}

TEST_CASE("session answer: a 101 with an ordinary body ends the connection: nobody speaks the new protocol") {
  SessionRig rig;
  const ReadResponse response = answer_to(rig, kGet, [](Exchange& exchange) {
    exchange.response.status = 101;
    CHECK(exchange.response.add("upgrade", "x") == Response::FieldFault::none);
    exchange.response.bytes = "hello";
  });
  CHECK(field(response, "connection") == "upgrade");
  CHECK(response.body.empty());
  CHECK(rig.closed());
}

TEST_CASE("session answer: a 426 names its upgrade in connection (RFC 9110 section 7.8)") {
  const auto upgrade_required = [](Exchange& exchange) {
    exchange.response.status = 426;
    CHECK(exchange.response.add("upgrade", "h3") == Response::FieldFault::none);
    exchange.response.bytes = "no";
  };
  SessionRig rig;
  SUBCASE("on a connection that goes on") {
    CHECK(field(answer_to(rig, kGet, upgrade_required), "connection") == "upgrade");
    CHECK(rig.session.phase() == Phase::idle);
  }
  SUBCASE("on one that closes") {
    CHECK(field(answer_to(rig, kGet10, upgrade_required), "connection") == "upgrade, close");
    CHECK(rig.closed());
  }
  SUBCASE("on HTTP/1.0 that goes on") {
    CHECK(field(answer_to(rig, kGet10KeepAlive, upgrade_required), "connection") == "upgrade, keep-alive");
    CHECK(rig.session.phase() == Phase::idle);
  }
  SUBCASE("without the field") { CHECK(field(answer_to(rig, kGet, says("no", 426)), "connection") == "(none)"); }
}

// --- Interim responses ---

TEST_CASE("session answer: interim responses go before the answer") {
  SessionRig rig;
  rig.receive(kGet);
  http::FieldList hints;
  hints.add("link", "</style.css>; rel=preload");
  rig.session.interim(*rig.pending, 103, hints);
  rig.session.interim(*rig.pending, 103, hints);
  Exchange& exchange = *rig.pending;
  exchange.response.bytes = "hello";
  rig.answer();
  rig.drain();
  const std::vector<ReadResponse> all = responses(rig);
  REQUIRE(all.size() == 3);
  CHECK(all[0].status == 103);
  CHECK(all[0].reason == "Early Hints");
  CHECK(field(all[0], "link") == "</style.css>; rel=preload");
  CHECK(field(all[0], "date") == "(none)");
  CHECK(all[1].status == 103);
  CHECK(all[2].status == 200);
  CHECK(all[2].body == "hello");
  // Too late: the exchange is over.
  const size_t before = rig.sent.size();
  rig.session.interim(exchange, 103, hints);
  rig.drain();
  CHECK(rig.sent.size() == before);
}

TEST_CASE("session answer: HTTP/1.0 has no interim responses (RFC 9110 section 15.2)") {
  SessionRig rig;
  rig.receive(kGet10);
  rig.session.interim(*rig.pending, 103, http::FieldList{});
  rig.answer();
  rig.drain();
  CHECK(only_response(rig).status == 200);
}
