#include "http/request.hpp"

#include "base/release.hpp"

namespace hyperion::http {

Method method_of(std::string_view token) noexcept {
  switch (token.size()) {
    case 3:
      if (token == "GET") return Method::get;
      if (token == "PUT") return Method::put;
      break;
    case 4:
      if (token == "POST") return Method::post;
      if (token == "HEAD") return Method::head;
      break;
    case 5:
      if (token == "PATCH") return Method::patch;
      if (token == "TRACE") return Method::trace;
      break;
    case 6:
      if (token == "DELETE") return Method::remove;
      break;
    case 7:
      if (token == "OPTIONS") return Method::options;
      if (token == "CONNECT") return Method::connect;
      break;
    default: break;
  }
  return Method::other;
}

void RequestBody::clear() noexcept {
  constexpr size_t kKeep = 16 * 1024;
  if (memory.capacity() > kKeep) {
    base::release(memory);
  } else {
    memory.clear();
  }
  file.reset();
  file_size = 0;
}

void Request::clear() noexcept {
  method = Method::get;
  version = Version::http11;
  method_name = target = path = query = authority = Slice{};
  fields.clear();
  trailers.clear();
  body.clear();
  content_length.reset();
  chunked = expects_continue = upgrade = false;
  keep_alive = true;
}

}  // namespace hyperion::http
