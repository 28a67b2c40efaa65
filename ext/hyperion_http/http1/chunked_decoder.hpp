// Chunked transfer coding, incoming (RFC 9112 section 7.1). Incremental at any split, one pass: data bytes are copied
// once, to where they belong. Strict: no sign, no blank inside a size, CRLF everywhere.
//
//   size --;--> extension --CR--> size_lf --LF--> data --> data_cr --> data_lf --> size ...
//     '- "0" --CR--> size_lf --LF--> trailers --> complete
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/limits.hpp"
#include "http1/field_parser.hpp"

namespace hyperion::http1 {

class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(const http::Limits& limits) noexcept
      : extension_room_(limits.chunk_extension_bytes == 0 ? UINT64_MAX : limits.chunk_extension_bytes),
        max_trailer_bytes_(limits.max_header_bytes == 0 ? UINT64_MAX : limits.max_header_bytes),
        trailer_parser_(limits.max_header_fields) {}

  // Takes from the front of `input`, appends content to `content` and, once complete, sets `trailers`.
  // Complete: what is left of `input` belongs to the next message. Incomplete: `input` is empty, or a chunk begins that
  // is larger than `room`, which says how much more content is welcome.
  Progress decode(std::string_view& input, std::string& content, http::FieldList& trailers, uint64_t room);
  base::ErrorCode error() const noexcept { return error_; }
  // No chunk size line has been read to its end yet.
  bool before_first_chunk() const noexcept { return !began_; }

 private:
  enum class State : uint8_t { size_first, size, blank, extension, size_lf, data, data_cr, data_lf, trailers };

  Progress fail(base::ErrorCode error) noexcept {
    error_ = error;
    return Progress::failed;
  }
  Progress step(char byte) noexcept;
  Progress read_trailers(std::string_view& input, http::FieldList& trailers);

  uint64_t remaining_ = 0;  // of the chunk's data
  uint64_t extension_room_;
  uint64_t max_trailer_bytes_;
  size_t trailer_position_ = 0;
  std::string trailer_bytes_;
  http::FieldList trailer_fields_;  // refer to trailer_bytes_
  FieldParser trailer_parser_;
  State state_ = State::size_first;
  base::ErrorCode error_ = base::ErrorCode::none;
  uint8_t digits_ = 0;
  bool began_ = false;
};

}  // namespace hyperion::http1
