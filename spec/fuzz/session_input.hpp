// What the targets that drive a session share: the limits that an input chooses, and the application.
#pragma once

#include <array>
#include <string>

#include "http1/session_rig.hpp"
#include "input.hpp"

namespace hyperion::fuzz {

inline http::Limits limits_of(Input& input) {
  http::Limits limits;
  limits.max_header_bytes = std::array<uint64_t, 3>{65536, 200, 60}[input.choice(3)];
  limits.max_header_fields = std::array<uint64_t, 2>{256, 4}[input.choice(2)];
  limits.max_body_bytes = std::array<uint64_t, 3>{1 << 20, 10, 0}[input.choice(3)];
  limits.chunk_extension_bytes = std::array<uint64_t, 2>{16384, 8}[input.choice(2)];
  return limits;
}

// An answer that depends on nothing but the request: its target's last byte chooses the kind.
inline void answer(http::Exchange& exchange) {
  const std::string_view target = exchange.request.view(exchange.request.target);
  http::Response& response = exchange.response;
  response.bytes = "size " + std::to_string(exchange.request.body.size());
  switch (target.back()) {
    case 'c': (void)response.add("connection", "close"); break;
    case 'l': (void)response.add("content-length", "3"); break;
    case 'm': (void)response.add("content-length", "300"); break;
    case 'n': response.status = 204; break;
    case 't': (void)response.add("transfer-encoding", "chunked"); break;
    case 's': {
      response.body = http::Response::Body::stream;
      http::BodyPipe& pipe = exchange.open_pipe(http::Limits{}, false);
      (void)pipe.try_write(response.bytes);
      pipe.finish(true);
      break;
    }
    case 'r':
      response.body = http::Response::Body::raw;
      response.bytes.clear();
      break;
    default: break;
  }
}

}  // namespace hyperion::fuzz
