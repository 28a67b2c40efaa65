// http::Response::add: what an author may say, what is kept as a fact and what never reaches the wire.
#include "http/response.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using hyperion::buffer::Block;
using hyperion::http::Field;
using hyperion::http::KnownField;
using hyperion::http::Response;
using Fault = Response::FieldFault;

namespace {

std::vector<std::string> lines(const Response& response) {
  std::vector<std::string> all;
  for (const Field& field : response.fields) {
    all.push_back(std::string{response.fields.name(field)} + ": " + std::string{response.fields.value(field)});
  }
  return all;
}

using Lines = std::vector<std::string>;

// A value with a NUL: the literal's size counts.
template <size_t N>
constexpr std::string_view bytes(const char (&text)[N]) {
  return {text, N - 1};
}

}  // namespace

TEST_CASE("response: fields are kept in order, spelling and number") {
  Response response;
  CHECK(response.add("Content-Type", "text/html") == Fault::none);
  CHECK(response.add("set-cookie", "a=b") == Fault::none);
  CHECK(response.add("set-cookie", "c=d") == Fault::none);
  CHECK(response.add("x-empty", "") == Fault::none);
  CHECK(lines(response) == Lines{"Content-Type: text/html", "set-cookie: a=b", "set-cookie: c=d", "x-empty: "});
}

TEST_CASE("response: a name that is no token is a fault") {
  Response response;
  for (const std::string_view name : {"", " ", "a b", "a:", "a:b", "a\r\nb", "a\n", "a\r", "a\t", "caf\xc3\xa9", "a(b)",
                                      "a/b", "\"a\"", "a,b", " a", "a "}) {
    CAPTURE(name);
    CHECK(response.add(name, "v") == Fault::bad_name);
  }
  CHECK(response.add(bytes("a\0b"), "v") == Fault::bad_name);
  CHECK(lines(response).empty());
}

TEST_CASE("response: CR, LF and NUL in a value are a fault, at every place") {
  for (const char bad : {'\r', '\n', '\0'}) {
    for (size_t at = 0; at <= 40; ++at) {
      std::string value(40, 'v');
      value.insert(at, 1, bad);
      Response response;
      CHECK(response.add("x", value) == Fault::bad_value);
      CHECK(lines(response).empty());
    }
  }
}

TEST_CASE("response: CR, LF and NUL are a fault in fields that are kept as facts, too") {
  Response response;
  for (const std::string_view name : {"content-length", "transfer-encoding", "connection", "date", "upgrade"}) {
    CHECK(response.add(name, "1\r\nx: y") == Fault::bad_value);
  }
  CHECK_FALSE(response.declared_length.has_value());
  CHECK_FALSE(response.wants_close);
}

TEST_CASE("response: other bytes in a value are the author's") {
  Response response;
  CHECK(response.add("x", "caf\xc3\xa9 \t \x01 \x7f") == Fault::none);
  CHECK(lines(response) == Lines{"x: caf\xc3\xa9 \t \x01 \x7f"});
}

TEST_CASE("response: content-length is a fact, not a field") {
  Response response;
  CHECK(response.add("Content-Length", " 12\t") == Fault::none);
  CHECK(response.declared_length == 12);
  CHECK(lines(response).empty());
  SUBCASE("said twice alike") {
    CHECK(response.add("content-length", "12") == Fault::none);
    CHECK(response.add("content-length", "012") == Fault::none);
    CHECK(response.declared_length == 12);
  }
  SUBCASE("said twice differently") { CHECK(response.add("content-length", "13") == Fault::bad_length); }
}

TEST_CASE("response: a content-length that is no number is a fault") {
  for (const std::string_view value : {"", " ", "-1", "+1", "1,1", "1, 1", "0x1", "1.0", "one", "1 2",
                                       "9223372036854775808", "18446744073709551616"}) {
    CAPTURE(value);
    Response response;
    CHECK(response.add("content-length", value) == Fault::bad_length);
  }
}

TEST_CASE("response: transfer-encoding is a fact, not a field") {
  for (const std::string_view value : {"chunked", "CHUNKED", " chunked ", "gzip, chunked", "chunked,"}) {
    CAPTURE(value);
    Response response;
    CHECK(response.add("Transfer-Encoding", value) == Fault::none);
    CHECK(response.declared_chunked);
    CHECK(lines(response).empty());
  }
  for (const std::string_view value : {"identity", "", "chunkedx", "x-chunked"}) {
    CAPTURE(value);
    Response response;
    CHECK(response.add("transfer-encoding", value) == Fault::none);
    CHECK_FALSE(response.declared_chunked);
    CHECK(lines(response).empty());
  }
}

TEST_CASE("response: connection: close is obeyed, in any list") {
  for (const std::string_view value : {"close", "Close", "keep-alive, close", "close,x", " close ", "x ,\tCLOSE"}) {
    CAPTURE(value);
    Response response;
    CHECK(response.add("Connection", value) == Fault::none);
    CHECK(response.wants_close);
    CHECK(lines(response).empty());
  }
  for (const std::string_view value : {"", "keep-alive", "closed", "not-close", "upgrade", ",,"}) {
    CAPTURE(value);
    Response response;
    CHECK(response.add("connection", value) == Fault::none);
    CHECK_FALSE(response.wants_close);
    CHECK(lines(response).empty());
  }
  Response response;
  CHECK(response.add("connection", "close") == Fault::none);
  CHECK(response.add("connection", "keep-alive") == Fault::none);
  CHECK(response.wants_close);
}

TEST_CASE("response: hop-by-hop fields are not sent (RFC 9110 section 7.6.1)") {
  Response response;
  for (const std::string_view name :
       {"Keep-Alive", "Proxy-Connection", "TE", "Connection", "Transfer-Encoding", "Upgrade"}) {
    CHECK(response.add(name, "x") == Fault::none);
  }
  CHECK(lines(response).empty());
}

TEST_CASE("response: upgrade belongs to 101 and 426") {
  for (const int status : {101, 426}) {
    Response response;
    response.status = status;
    CHECK(response.add("Upgrade", "websocket") == Fault::none);
    CHECK(lines(response) == Lines{"Upgrade: websocket"});
  }
}

TEST_CASE("response: status and rack.* are not sent, whatever they hold") {
  Response response;
  for (const std::string_view name : {"status", "Status", "rack.session", "RACK.X", "rack."}) {
    CAPTURE(name);
    CHECK(response.add(name, "#<Object>\n") == Fault::none);
  }
  CHECK(lines(response).empty());
  CHECK(response.add("rack", "1") == Fault::none);
  CHECK(response.add("rack-x", "2") == Fault::none);
  CHECK(response.add("status-x", "3") == Fault::none);
  CHECK(lines(response) == Lines{"rack: 1", "rack-x: 2", "status-x: 3"});
}

TEST_CASE("response: the author's date stays") {
  Response response;
  CHECK_FALSE(response.has_date);
  CHECK(response.add("Date", "yesterday") == Fault::none);
  CHECK(response.has_date);
  CHECK(lines(response) == Lines{"Date: yesterday"});
}

TEST_CASE("response: each fault has its words") {
  CHECK_FALSE(text_of(Fault::bad_name).empty());
  CHECK_FALSE(text_of(Fault::bad_value).empty());
  CHECK_FALSE(text_of(Fault::bad_length).empty());
}

TEST_CASE("response: the size of a body in memory") {
  Response response;
  response.bytes = "12345";
  response.blocks.push_back(Block::own("678"));
  response.blocks.push_back(Block::own(""));
  CHECK(response.memory_size() == 8);
}

namespace {

int released = 0;

Block counted_block() {
  static char byte = 'x';
  return {.data = &byte, .size = 1, .release = [](void*) noexcept { ++released; }, .owner = nullptr};
}

}  // namespace

TEST_CASE("response: blocks are released once, by clear or at the end") {
  released = 0;
  {
    Response response;
    response.blocks.push_back(counted_block());
    response.clear();
    CHECK(released == 1);
    response.blocks.push_back(counted_block());
  }
  CHECK(released == 2);
}

TEST_CASE("response: clear makes it new") {
  Response response;
  response.status = 101;
  CHECK(response.add("upgrade", "x") == Fault::none);
  CHECK(response.add("date", "x") == Fault::none);
  CHECK(response.add("content-length", "1") == Fault::none);
  CHECK(response.add("transfer-encoding", "chunked") == Fault::none);
  CHECK(response.add("connection", "close") == Fault::none);
  response.body = Response::Body::stream;
  response.hold_head = true;
  response.bytes.assign(1 << 20, 'x');
  response.file.size = 5;
  response.clear();
  CHECK(response.status == 200);
  CHECK(response.fields.empty());
  CHECK(response.body == Response::Body::memory);
  CHECK(response.bytes.empty());
  CHECK(response.bytes.capacity() < 1 << 20);
  CHECK(response.file.size == 0);
  CHECK_FALSE(response.declared_length.has_value());
  CHECK_FALSE(response.declared_chunked);
  CHECK_FALSE(response.wants_close);
  CHECK_FALSE(response.has_date);
  CHECK_FALSE(response.hold_head);
}
