// http1::write_response_head: the bytes of a head, and that it reckons its own size well.
#include "http1/response_head.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "http/status.hpp"

using namespace hyperion;

namespace {

std::string head(const http1::HeadFacts& facts, const http::FieldList& fields) {
  buffer::ChunkPool pool;
  buffer::OutputQueue out{pool};
  http1::write_response_head(out, facts, fields);
  std::string text;
  while (!out.empty()) {
    std::array<iovec, 1> piece;
    (void)out.as_iovecs(piece);
    text.append(static_cast<const char*>(piece[0].iov_base), piece[0].iov_len);
    out.drain(piece[0].iov_len);
  }
  return text;
}

}  // namespace

TEST_CASE("response head: the plainest") { CHECK(head({}, {}) == "HTTP/1.1 200 OK\r\n\r\n"); }

TEST_CASE("response head: everything at once, in its order") {
  http::FieldList fields;
  fields.add("Content-Type", "text/plain");
  fields.add("x-empty", "");
  CHECK(head({.status = 404,
              .length = 0,
              .has_length = true,
              .connection = "close",
              .date = "Sun, 06 Nov 1994 08:49:37 GMT"},
             fields) ==
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nx-empty: \r\n"
        "date: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  CHECK(head({.status = 200, .chunked = true, .connection = "keep-alive"}, {}) ==
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n");
}

TEST_CASE("response head: every status of three digits") {
  for (int status = 100; status < 1000; ++status) {
    std::string line = "HTTP/1.1 " + std::to_string(status) + " ";
    line += http::reason_phrase(status);
    CHECK(head({.status = status}, {}) == line + "\r\n\r\n");
  }
}

TEST_CASE("response head: the largest length") {
  CHECK(head({.length = UINT64_MAX, .has_length = true}, {}) ==
        "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n");
}

TEST_CASE("response head: of every size around a chunk of output") {
  // The largest of what the server adds by itself stands beside the fields.
  const http1::HeadFacts facts{.status = 431,
                               .length = UINT64_MAX,
                               .has_length = true,
                               .chunked = true,
                               .connection = "upgrade, keep-alive",
                               .date = "Sun, 06 Nov 1994 08:49:37 GMT"};
  const size_t own = head(facts, {}).size();
  for (size_t size = buffer::Chunk::kCapacity - 600; size < buffer::Chunk::kCapacity + 600; ++size) {
    http::FieldList fields;
    fields.add("x", std::string(size, 'v'));
    const std::string text = head(facts, fields);
    if (text.size() != own + size + 5 || !text.ends_with("\r\n\r\n")) {
      CAPTURE(size);
      CHECK(text.size() == own + size + 5);
      CHECK(text.ends_with("\r\n\r\n"));
    }
  }
}
