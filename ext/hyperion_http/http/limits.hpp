// Every limit and time-out of a message, on every protocol. 0 switches a limit off and does nothing else.
// Who fills it: server/options.hpp, from the option table in lib/hyperion/config.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

namespace hyperion::http {

struct Limits {
  // A head from its first byte to the end of its empty line; empty lines in front of it are not counted. A trailer
  // section counts by itself. Over it: 414 while the request line lasts, 431 after it.
  uint64_t max_header_bytes = 64 * 1024;
  // Field lines of one head, or of one trailer section. Over it: 431.
  uint64_t max_header_fields = 256;
  // Over it: 413.
  uint64_t max_body_bytes = uint64_t{1} << 30;
  // A request body beyond this goes to an unlinked file. A response body of unknown length does so beyond
  // `response_memory`.
  uint64_t body_memory = 256 * 1024;
  uint64_t response_memory = 256 * 1024;
  // How much of one response may wait in its file before its producer does.
  uint64_t response_spill = uint64_t{64} << 20;
  // Bytes of later pipelined requests that a connection holds while one is being answered.
  uint64_t pipeline_bytes = 64 * 1024;
  // Chunk extensions of one body, all together (they carry nothing that anybody reads). Over it: 400.
  uint64_t chunk_extension_bytes = 16 * 1024;

  base::Duration header_timeout = std::chrono::seconds{30};
  base::Duration body_timeout = std::chrono::seconds{30};
  base::Duration read_timeout{0};  // max-request-read-seconds
  // Of a request that the application has: how long an app thread may be busy with it, its response's body included,
  // until somebody is told (soft), and until the client gets a 504 and the thread is replaced (hard). The hard one is
  // also how long it may wait for an app thread; over it 503.
  base::Duration soft_request_timeout{0};
  base::Duration request_timeout{0};
  base::Duration write_timeout = std::chrono::seconds{30};
  base::Duration idle_timeout = std::chrono::seconds{75};
  // Bytes per second, averaged from the body's first second on.
  uint64_t min_body_rate = 240;
  // The same of a response, over each write_timeout (a second at least) in which it waits for the client all the time.
  uint64_t min_write_rate = 240;
  // After an error response: how long what the client still sends is read and dropped, so that the response is not
  // lost to a reset.
  base::Duration linger_timeout = std::chrono::seconds{5};

  // Drop every field whose name has an underscore, not only those that could be taken for another field.
  bool drop_underscore_fields = false;
};

}  // namespace hyperion::http
