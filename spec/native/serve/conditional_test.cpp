// Conditional requests: RFC 9110 sections 8.8.3, 13.1.1, 13.1.2 and 13.2.2.
#include "serve/conditional.hpp"

#include <doctest/doctest.h>

#include <string>

#include "requests.hpp"

namespace hyperion::test {
namespace {

using serve::Condition;

Condition asked(std::string_view method, std::string_view fields, std::string_view etag = "\"a\"") {
  http::Request request;
  fill(request, method, "/", fields);
  return serve::evaluate(request, etag);
}

}  // namespace

TEST_CASE("conditional: an entity tag is a string in double quotes, W/ in front or not") {
  for (const std::string_view good : {"\"\"", "\"a\"", "W/\"a\"", "W/\"\"", "\"a,b\"", "\"!#~\\\"", "\"\xe9\""}) {
    CAPTURE(good);
    CHECK(serve::is_etag(good));
  }
  for (const std::string_view bad : {"", "a", "\"", "\"a", "a\"", "\"a\"b", "w/\"a\"", "W/a", "W/", "W\"a\"", "\"a b\"",
                                     "\"\x7f\"", "\"a\"\"", " \"a\"", "\"a\" ", "*", "\"\t\""}) {
    CAPTURE(bad);
    CHECK_FALSE(serve::is_etag(bad));
  }
}

TEST_CASE("conditional: a list names a tag, weakly or strongly") {
  CHECK(serve::names_etag("*", "\"a\"", true));
  CHECK(serve::names_etag(" * ", "\"a\"", false));
  CHECK(serve::names_etag("\"a\"", "\"a\"", false));
  CHECK(serve::names_etag("\"b\", \"a\"", "\"a\"", false));
  CHECK(serve::names_etag("\"b\",\"a\",\"c\"", "\"a\"", false));
  CHECK(serve::names_etag(" ,, \"b\" ,\t\"a\" ,", "\"a\"", false));
  CHECK(serve::names_etag("\"b,a\", \"a\"", "\"a\"", false));
  CHECK_FALSE(serve::names_etag("\"b,\\\"a\\\"\"", "\"a\"", true));
  CHECK_FALSE(serve::names_etag("", "\"a\"", true));
  CHECK_FALSE(serve::names_etag("\"A\"", "\"a\"", true));
  CHECK_FALSE(serve::names_etag("\"b\"", "\"a\"", true));

  CHECK(serve::names_etag("W/\"a\"", "\"a\"", true));
  CHECK(serve::names_etag("\"a\"", "W/\"a\"", true));
  CHECK(serve::names_etag("W/\"a\"", "W/\"a\"", true));
  CHECK_FALSE(serve::names_etag("W/\"a\"", "\"a\"", false));
  CHECK_FALSE(serve::names_etag("\"a\"", "W/\"a\"", false));
  CHECK_FALSE(serve::names_etag("W/\"a\"", "W/\"a\"", false));
}

TEST_CASE("conditional: what stands behind a member that is no tag is not trusted") {
  for (const std::string_view list :
       {"a, \"a\"", "\"b, \"a\"", "\"b\" \"a\"", "w/\"b\", \"a\"", "*, \"a\"", "\"b\"x, \"a\"", "\"b\"; \"a\""}) {
    CAPTURE(list);
    CHECK_FALSE(serve::names_etag(list, "\"a\"", true));
  }
  CHECK(serve::names_etag("\"a\", nonsense", "\"a\"", true));
}

TEST_CASE("conditional: If-None-Match is 304 for GET and HEAD, 412 for the others") {
  CHECK(asked("GET", "") == Condition::met);
  CHECK(asked("GET", "If-None-Match: \"a\"\r\n") == Condition::not_modified);
  CHECK(asked("HEAD", "If-None-Match: W/\"a\"\r\n") == Condition::not_modified);
  CHECK(asked("GET", "If-None-Match: *\r\n") == Condition::not_modified);
  CHECK(asked("POST", "If-None-Match: \"a\"\r\n") == Condition::failed);
  CHECK(asked("PUT", "If-None-Match: *\r\n") == Condition::failed);
  CHECK(asked("GET", "If-None-Match: \"b\"\r\n") == Condition::met);
  CHECK(asked("GET", "If-None-Match:\r\n") == Condition::met);
  CHECK(asked("GET", "If-None-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n") == Condition::not_modified);
  CHECK(asked("GET", "If-None-Match: broken\r\nIf-None-Match: \"a\"\r\n") == Condition::not_modified);
  CHECK(asked("GET", "If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n") == Condition::met);
}

TEST_CASE("conditional: If-Match comes first, and compares strongly") {
  CHECK(asked("GET", "If-Match: \"a\"\r\n") == Condition::met);
  CHECK(asked("GET", "If-Match: *\r\n") == Condition::met);
  CHECK(asked("GET", "If-Match: \"b\"\r\n") == Condition::failed);
  CHECK(asked("GET", "If-Match: W/\"a\"\r\n") == Condition::failed);
  CHECK(asked("GET", "If-Match: \"a\"\r\n", "W/\"a\"") == Condition::failed);
  CHECK(asked("GET", "If-Match: \"b\"\r\nIf-None-Match: \"a\"\r\n") == Condition::failed);
  CHECK(asked("GET", "If-Match: \"a\"\r\nIf-None-Match: \"a\"\r\n") == Condition::not_modified);
  CHECK(asked("GET", "If-Match: \"b\"\r\nIf-Match: \"a\"\r\n") == Condition::met);
}

}  // namespace hyperion::test
