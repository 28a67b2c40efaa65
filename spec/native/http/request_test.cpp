// http::Request: recycling, and the small questions it answers about itself.
#include "http/request.hpp"

#include <doctest/doctest.h>

using namespace hyperion::http;

TEST_CASE("request: whether a body follows its head") {
  Request request;
  CHECK_FALSE(request.has_body());
  request.content_length = 0;
  CHECK_FALSE(request.has_body());
  request.content_length = 1;
  CHECK(request.has_body());
  request.content_length.reset();
  request.chunked = true;
  CHECK(request.has_body());
}

TEST_CASE("request: a body's size is that of its file and its memory") {
  RequestBody body;
  body.memory = "abc";
  body.file_size = 10;
  CHECK(body.size() == 13);
}

TEST_CASE("request: versions have the names that SERVER_PROTOCOL uses") {
  CHECK(text_of(Version::http10) == "HTTP/1.0");
  CHECK(text_of(Version::http11) == "HTTP/1.1");
  CHECK(text_of(Version::http2) == "HTTP/2");
}

TEST_CASE("request: clear makes it new") {
  Request request;
  request.method = Method::post;
  request.version = Version::http10;
  request.fields.adopt("POST /a?b");
  request.method_name = {0, 4};
  request.target = {5, 4};
  request.path = {5, 2};
  request.query = {8, 1};
  request.authority = {0, 1};
  request.fields.add("a", "b");
  request.trailers.add("c", "d");
  request.body.memory.assign(1 << 20, 'x');
  request.body.file_size = 7;
  request.content_length = 5;
  request.chunked = request.expects_continue = request.upgrade = true;
  request.keep_alive = false;
  request.clear();
  CHECK(request.method == Method::get);
  CHECK(request.version == Version::http11);
  for (const Slice slice : {request.method_name, request.target, request.path, request.query, request.authority}) {
    CHECK(slice.size == 0);
    CHECK(slice.begin == 0);
  }
  CHECK(request.fields.empty());
  CHECK(request.trailers.empty());
  CHECK(request.body.size() == 0);
  CHECK(request.body.memory.capacity() < 1 << 20);
  CHECK_FALSE(request.content_length.has_value());
  CHECK_FALSE(request.chunked);
  CHECK_FALSE(request.expects_continue);
  CHECK_FALSE(request.upgrade);
  CHECK(request.keep_alive);
}
