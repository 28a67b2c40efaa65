// One response as its author gives it: status, fields, and where the body comes from. Protocol-neutral: framing and
// hop-by-hop fields are the session's business, so what an author says about them is taken out here and kept as facts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cache_line.hpp"
#include "base/result.hpp"
#include "buffer/file_range.hpp"
#include "buffer/output_queue.hpp"
#include "http/fields.hpp"
#include "http/prepared.hpp"

namespace hyperion::http {

// What every response has comes first: http/exchange.hpp says why.
class alignas(base::kCacheLine) Response {
 public:
  enum class Body : uint8_t {
    memory,  // `bytes`, then `blocks`: complete
    file,    // `file`: complete
    stream,  // comes through the exchange's BodyPipe
    raw,     // no body: the connection is handed to the author once the head is sent (hijack, 101)
  };

  enum class FieldFault : uint8_t {
    none,
    bad_name,    // not a token
    bad_value,   // holds CR, LF or NUL
    bad_length,  // content-length that is no number, or two different ones
  };

  Response() = default;
  ~Response() { clear(); }
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;

  int status = 200;
  Body body = Body::memory;

  // What the author said about framing and the connection.
  bool declared_chunked = false;  // transfer-encoding: chunked; the body may be encoded already
  bool wants_close = false;       // connection: close
  bool has_date = false;
  // Of a stream: its first bytes may be waited for a moment, so that they share a segment with the head.
  bool hold_head = false;
  std::optional<uint64_t> declared_length;

  // Set: this is the response, and of the rest only `status` counts. Valid until the session has been given the answer.
  const Prepared* prepared = nullptr;
  FieldList fields;
  std::string bytes;
  std::vector<buffer::Block> blocks;
  buffer::FileRange file;

  // Adds one field line. Takes out, and remembers where it matters: content-length, transfer-encoding, connection and
  // what RFC 9110 section 7.6.1 names with it, `status` and `rack.*` (Rack SPEC, "The Headers"). `upgrade` stays on a
  // 101 and a 426, so set `status` first.
  FieldFault add(std::string_view name, std::string_view value);

  // Whatever it was: an error of the server's own, in plain text. Of a 503 the client is told to come again in a
  // second.
  void become_error(int error_status);

  uint64_t memory_size() const noexcept;
  void clear() noexcept;
};

// For a log line.
std::string_view text_of(Response::FieldFault fault) noexcept;

}  // namespace hyperion::http
