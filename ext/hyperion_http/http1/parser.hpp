// The head of a request: request line and field section (RFC 9112 sections 3 and 5). Incremental at any split and one
// pass. It checks the grammar; what the fields mean together is http1/head_rules. http1/session calls it.
//
//   start --tchar--> method --SP--> target --SP--> version --CR--> version_cr --LF--> fields --> complete
#pragma once

#include <cstddef>
#include <string_view>

#include "http/limits.hpp"
#include "http/request.hpp"
#include "http1/field_parser.hpp"

namespace hyperion::http1 {

// RFC 9112 section 2.2: empty lines before a request line are ignored. They are no part of the head, so they count
// towards no limit. What is left may be a lone CR, whose LF has not come.
inline std::string_view without_empty_lines(std::string_view input) noexcept {
  while (input.starts_with("\r\n")) input.remove_prefix(2);
  return input;
}

class RequestParser {
 public:
  explicit RequestParser(const http::Limits& limits) noexcept
      : fields_(limits.max_header_fields), max_bytes_(limits.max_header_bytes) {}

  // `input`: every byte since the head began, in one piece; it grows from call to call, and may lie elsewhere in each.
  // When complete, `request` has its slices resolved (it owns a copy of the head) and consumed() bytes of `input` are
  // behind us. max_header_bytes counts all of them, from the method's first to the end of the empty line.
  Progress parse(std::string_view input, http::Request& request) noexcept;
  size_t consumed() const noexcept { return position_; }
  base::ErrorCode error() const noexcept { return error_; }
  bool saw_underscore() const noexcept { return fields_.saw_underscore(); }
  void reset() noexcept;

 private:
  enum class State : uint8_t { start, method, target, version, version_cr, fields };

  Progress fail(base::ErrorCode error) noexcept {
    error_ = error;
    return Progress::failed;
  }
  Progress parse_line(std::string_view input, http::Request& request) noexcept;
  base::ErrorCode check_version(char byte, size_t index, http::Request& request) noexcept;

  FieldParser fields_;
  uint64_t max_bytes_;
  size_t position_ = 0;
  size_t part_begin_ = 0;
  State state_ = State::start;
  base::ErrorCode error_ = base::ErrorCode::none;
  char major_ = 0;
};

}  // namespace hyperion::http1
