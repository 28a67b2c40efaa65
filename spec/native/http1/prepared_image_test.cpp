// http1/prepared_image, and what the session makes of it: the same bytes as for any other response.
#include "http1/prepared_image.hpp"

#include <doctest/doctest.h>

#include <string>

#include "serve/requests.hpp"
#include "session_checks.hpp"

using namespace hyperion;
using namespace hyperion::test;

namespace {

constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

std::string drawn(const http::Prepared& prepared, bool head_only) {
  buffer::ChunkPool chunks;
  buffer::OutputQueue out{chunks};
  http1::append_image(out, prepared, kDate, head_only);
  std::string text;
  while (!out.empty()) {
    iovec piece{};
    REQUIRE(out.as_iovecs({&piece, 1}) == 1);
    text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    out.drain(piece.iov_len);
  }
  return text;
}

http::Prepared prepared_of(int status, std::string_view body) {
  http::Prepared prepared;
  prepared.status = status;
  prepared.body = body;
  prepared.fields.add("content-type", "text/plain");
  http1::draw_image(prepared);
  return prepared;
}

// What the session sends for `request` when the route answers it.
std::string sent_for(const serve::Route& route, std::string_view request, bool draining = false) {
  SessionRig rig;
  rig.context.draining = draining;
  rig.application = [&](http::Exchange& exchange) {
    exchange.response.prepared = &route.fixed->full;
    exchange.response.status = route.fixed->full.status;
  };
  rig.receive(request);
  REQUIRE(rig.answered.size() == 1);
  CHECK(rig.answered.front().second);
  return rig.sent;
}

std::string request(std::string_view method, std::string_view version = "1.1", std::string_view fields = "") {
  std::string text{method};
  return text.append(" / HTTP/").append(version).append("\r\nHost: a\r\n").append(fields).append("\r\n");
}

}  // namespace

TEST_CASE("prepared image: head, empty line and a small body, with a fresh date") {
  const http::Prepared prepared = prepared_of(200, "hello");
  const std::string head =
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ndate: " + std::string{kDate} + "\r\ncontent-length: 5\r\n\r\n";
  CHECK(drawn(prepared, false) == head + "hello");
  CHECK(drawn(prepared, true) == head);
}

TEST_CASE("prepared image: a status says whether there is a length") {
  CHECK(drawn(prepared_of(204, ""), false).find("content-length") == std::string::npos);
  CHECK(drawn(prepared_of(304, ""), false).find("content-length") == std::string::npos);
  CHECK(drawn(prepared_of(205, ""), false).find("content-length: 0\r\n") != std::string::npos);
  CHECK(drawn(prepared_of(299, ""), false).starts_with("HTTP/1.1 299 \r\n"));
}

TEST_CASE("prepared image: a large body stays where it is, a giant head has no image") {
  const std::string large(http1::kImageBody + 1, 'x');
  http::Prepared prepared = prepared_of(200, large);
  CHECK(prepared.image.size() == prepared.head_size);
  prepared.fields.add("x-large", std::string(buffer::Chunk::kCapacity, 'y'));
  http::Prepared giant;
  giant.fields = prepared.fields;
  http1::draw_image(giant);
  CHECK(giant.image.empty());
}

TEST_CASE("prepared image: the session sends what it would send for any other response") {
  struct Size {
    size_t body;
    size_t field;
  };
  for (const Size size : {Size{0, 1}, Size{5, 1}, Size{http1::kImageBody, 1}, Size{http1::kImageBody + 1, 1},
                          Size{100'000, 1}, Size{5, 40'000}}) {
    CAPTURE(size.body);
    CAPTURE(size.field);
    const std::string body(size.body, 'b');
    server::StaticAnswer answer;
    answer.fields.add("content-type", "text/plain");
    answer.fields.add("x-field", std::string(size.field, 'f'));
    answer.body = body;
    const auto route = server::make_static_route("GET", "/", 1, nullptr, std::move(answer));
    const auto plain = [&](std::string_view text, bool draining) {
      SessionRig rig;
      rig.context.draining = draining;
      rig.application = [&](http::Exchange& exchange) {
        (void)exchange.response.add("content-type", "text/plain");
        (void)exchange.response.add("x-field", std::string(size.field, 'f'));
        exchange.response.bytes = body;
        // Of a HEAD the author may leave the body away; a route does not.
        exchange.response.declared_length = body.size();
      };
      rig.receive(text);
      return rig.sent;
    };
    for (const std::string& text :
         {request("GET"), request("HEAD"), request("GET", "1.0"), request("GET", "1.0", "Connection: keep-alive\r\n"),
          request("GET", "1.1", "Connection: close\r\n"), request("HEAD", "1.1", "Connection: close\r\n")}) {
      CAPTURE(text);
      CHECK(sent_for(*route, text) == plain(text, false));
      CHECK(sent_for(*route, text, true) == plain(text, true));
    }
  }
}

TEST_CASE("prepared image: many of them in one turn, then another kind of response, in order") {
  const auto small = fixed("GET", "/", "small");
  const auto large = fixed("GET", "/", std::string(50'000, 'L'));
  SessionRig rig;
  int count = 0;
  rig.application = [&](http::Exchange& exchange) {
    const int now = count++ % 3;
    if (now == 2) {
      exchange.response.bytes = "other";
      return;
    }
    exchange.response.prepared = now == 0 ? &small->fixed->full : &large->fixed->full;
  };
  std::string requests;
  for (int i = 0; i < 60; ++i) requests += request("GET");
  rig.receive(requests);
  ResponseReader reader{rig.sent, rig.methods, rig.closed()};
  REQUIRE(reader.read_all());
  REQUIRE(reader.responses.size() == 60);
  for (size_t i = 0; i < 60; ++i) {
    CHECK(reader.responses[i].body.size() == (i % 3 == 0 ? 5 : i % 3 == 1 ? 50'000 : 5));
  }
}

TEST_CASE("prepared image: the bytes of a large body outlive their route") {
  SessionRig rig;
  rig.draining_output = false;
  static std::atomic<bool> gone{false};
  {
    auto route = fixed("GET", "/", std::string(50'000, 'L'), "", 1, [](uint64_t) noexcept { gone = true; });
    rig.application = [&](http::Exchange& exchange) { exchange.response.prepared = &route->fixed->full; };
    rig.receive(request("GET"));
    rig.application = nullptr;
  }
  CHECK_FALSE(gone);
  rig.draining_output = true;
  rig.drain();
  CHECK(gone);
  CHECK(rig.sent.ends_with(std::string(50'000, 'L')));
}
