// What the corpus cannot say of the request parser: where its slices lie, how it is used again, and that a byte is not
// read twice.
#include "http1/parser.hpp"

#include <doctest/doctest.h>

#include <string>

#include "cpu_time.hpp"

using namespace hyperion;
using http1::Progress;
using http1::RequestParser;

TEST_CASE("parser: a complete head is copied, so its views outlive the input") {
  RequestParser parser{http::Limits{}};
  http::Request request;
  {
    std::string input = "POST /a?b HTTP/1.0\r\nHost:  x \r\nA_b: c\r\n\r\nbody";
    CHECK(parser.parse(input, request) == Progress::complete);
    CHECK(parser.consumed() == input.size() - 4);
    input.assign(input.size(), '!');
  }
  CHECK(request.view(request.method_name) == "POST");
  CHECK(request.method == http::Method::post);
  CHECK(request.view(request.target) == "/a?b");
  CHECK(request.version == http::Version::http10);
  REQUIRE(request.fields.size() == 2);
  const http::Field& host = *request.fields.begin();
  CHECK(host.known == http::KnownField::host);
  CHECK(request.fields.name(host) == "Host");
  CHECK(request.fields.value(host) == "x");
  CHECK(parser.saw_underscore());
}

TEST_CASE("parser: reset makes it new") {
  RequestParser parser{http::Limits{}};
  http::Request request;
  CHECK(parser.parse("GET / HTTP/1.1\r\nx_y: z\r\nbad\r\n", request) == Progress::failed);
  CHECK(parser.error() == base::ErrorCode::bad_field_name);
  CHECK(parser.saw_underscore());
  parser.reset();
  request.clear();
  CHECK(parser.error() == base::ErrorCode::none);
  CHECK(parser.consumed() == 0);
  CHECK_FALSE(parser.saw_underscore());
  CHECK(parser.parse("GET / HTTP/1.1\r\nhost: z\r\n\r\n", request) == Progress::complete);
  CHECK(request.fields.size() == 1);
}

TEST_CASE("parser: every method of one letter more or less is another method") {
  for (const std::string_view name : {"GETS", "GE", "HEADS", "POSTS", "PATC", "DELETED", "OPTION", "CONNEC", "TRAC"}) {
    CHECK(http::method_of(name) == http::Method::other);
  }
  CHECK(http::method_of("GET") == http::Method::get);
  CHECK(http::method_of("HEAD") == http::Method::head);
  CHECK(http::method_of("POST") == http::Method::post);
  CHECK(http::method_of("PUT") == http::Method::put);
  CHECK(http::method_of("PATCH") == http::Method::patch);
  CHECK(http::method_of("DELETE") == http::Method::remove);
  CHECK(http::method_of("OPTIONS") == http::Method::options);
  CHECK(http::method_of("CONNECT") == http::Method::connect);
  CHECK(http::method_of("TRACE") == http::Method::trace);
}

TEST_CASE("parser: empty lines in front are taken away, a lone CR is not") {
  CHECK(http1::without_empty_lines("") == "");
  CHECK(http1::without_empty_lines("\r\n\r\nGET") == "GET");
  CHECK(http1::without_empty_lines("\r\n\r") == "\r");
  CHECK(http1::without_empty_lines("\n") == "\n");
}

TEST_CASE("parser: a head that comes byte by byte is looked at once, not once a byte") {
  // 1 MiB in as many calls takes milliseconds; reading all that is there at each would be 2^39 bytes, minutes.
  http::Limits limits;
  limits.max_header_bytes = 0;
  RequestParser parser{limits};
  http::Request request;
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1024 * 1024, 'v') + "\r\n\r\n";
  const double began = test::cpu_seconds();
  Progress progress = Progress::incomplete;
  for (size_t size = 1; size <= head.size(); ++size) {
    progress = parser.parse(std::string_view{head}.substr(0, size), request);
  }
  CHECK(progress == Progress::complete);
  CHECK(test::cpu_seconds() - began < 15);
}
