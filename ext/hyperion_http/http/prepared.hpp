// A response that was made once and is sent many times: a static route's. Nothing in it changes after it was made, so
// any number of threads may send it at once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/counted.hpp"
#include "http/fields.hpp"

namespace hyperion::http {

struct Prepared {
  int status = 200;
  // As its author gave them; the session adds date, content-length and what is said about the connection.
  FieldList fields;
  std::string_view body;
  // Who owns these bytes, for whoever sends them without copying them.
  const base::Counted* owner = nullptr;

  // The whole of it as HTTP/1.1 sends it on a connection that goes on: head, empty line and, when it is small, body. At
  // `date_at` stand 29 bytes for the date. Drawn by http1/prepared_image; empty when it does not fit.
  std::string image;
  size_t date_at = 0;
  size_t head_size = 0;
};

}  // namespace hyperion::http
