// The head of an HTTP/1 response as bytes (RFC 9112 sections 4 and 6.3).
#pragma once

#include <cstdint>
#include <string_view>

#include "buffer/output_queue.hpp"
#include "http/fields.hpp"
#include "http/request.hpp"

namespace hyperion::http1 {

struct HeadFacts {
  int status = 200;
  // Length of the content; sent as content-length where `has_length`.
  uint64_t length = 0;
  bool has_length = false;
  bool chunked = false;
  // What is said about the connection: nothing, "close", or "keep-alive" (for HTTP/1.0 clients that asked).
  std::string_view connection{};
  // Empty: no date field.
  std::string_view date{};
};

// Appends status line, fields and the empty line.
void write_response_head(buffer::OutputQueue& out, const HeadFacts& facts, const http::FieldList& fields);

}  // namespace hyperion::http1
