// The field section of a message: field lines up to an empty line (RFC 9112 section 5). Incremental at any split and
// one pass: it keeps its position and state, and never looks at a byte twice. Serves heads and trailers.
//
//        .------------------------ LF <----------------------------.
//        v                                                         |
//   line_start --tchar--> name --':'--> blank --other--> value --CR--> value_cr
//        '-----CR--> last_cr --LF--> complete
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.hpp"
#include "http/fields.hpp"

namespace hyperion::http1 {

enum class Progress : uint8_t { complete, incomplete, failed };

class FieldParser {
 public:
  explicit FieldParser(uint64_t max_fields) noexcept : max_fields_(max_fields) {}

  // Goes on at `position`, which moves to the first byte not consumed. `input` begins where it began in the call
  // before; slices in `fields` count from there.
  Progress parse(std::string_view input, size_t& position, http::FieldList& fields) noexcept;
  base::ErrorCode error() const noexcept { return error_; }
  // A name with an underscore was among them.
  bool saw_underscore() const noexcept { return underscore_; }
  void reset() noexcept;

 private:
  enum class State : uint8_t { line_start, name, blank, value, value_cr, last_cr };

  Progress fail(base::ErrorCode error) noexcept;
  bool add(std::string_view input, size_t value_end, http::FieldList& fields);

  uint64_t max_fields_;
  uint64_t count_ = 0;
  size_t name_begin_ = 0;
  size_t name_end_ = 0;
  size_t value_begin_ = 0;
  State state_ = State::line_start;
  base::ErrorCode error_ = base::ErrorCode::none;
  bool underscore_ = false;
};

}  // namespace hyperion::http1
