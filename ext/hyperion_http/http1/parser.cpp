#include "http1/parser.hpp"

#include <algorithm>
#include <array>

#include "base/ascii.hpp"

namespace hyperion::http1 {

using base::ErrorCode;

namespace {

// Bytes of a request target: visible ASCII without "#", and obs-text, which clients in the field send undecoded.
consteval std::array<bool, 256> target_table() {
  std::array<bool, 256> table{};
  for (size_t c = 0x21; c < 0x7f; ++c) table[c] = c != '#';
  for (size_t c = 0x80; c < 0x100; ++c) table[c] = true;
  return table;
}

constexpr auto kTargetByte = target_table();
constexpr std::string_view kVersionShape = "HTTP/d.d";

http::Slice slice(size_t from, size_t to) noexcept {
  return {static_cast<uint32_t>(from), static_cast<uint32_t>(to - from)};
}

}  // namespace

void RequestParser::reset() noexcept {
  fields_.reset();
  position_ = part_begin_ = 0;
  state_ = State::start;
  error_ = ErrorCode::none;
}

Progress RequestParser::parse(std::string_view input, http::Request& request) noexcept {
  // What lies beyond the limit is not looked at, so that the verdict does not depend on how the bytes were split.
  const size_t limit = max_bytes_ == 0 ? UINT32_MAX : std::min<uint64_t>(max_bytes_, UINT32_MAX);
  const std::string_view visible = input.substr(0, limit);
  Progress progress = Progress::incomplete;
  if (state_ != State::fields) progress = parse_line(visible, request);
  if (state_ == State::fields && progress != Progress::failed) {
    progress = fields_.parse(visible, position_, request.fields);
    if (progress == Progress::failed) return fail(fields_.error());
  }
  if (progress == Progress::complete) {
    request.fields.adopt(input.substr(0, position_));
  } else if (progress == Progress::incomplete && input.size() >= limit) {
    return fail(state_ == State::fields ? ErrorCode::head_too_large : ErrorCode::target_too_long);
  }
  return progress;
}

Progress RequestParser::parse_line(std::string_view input, http::Request& request) noexcept {
  const size_t size = input.size();
  while (position_ < size) {
    const char byte = input[position_];
    switch (state_) {
      case State::start:
        if (byte == '\r') return fail(ErrorCode::bare_cr);  // an empty line would have been taken away
        if (!base::is_tchar(byte)) return fail(byte == '\n' ? ErrorCode::bare_lf : ErrorCode::bad_method);
        part_begin_ = position_;
        state_ = State::method;
        break;

      case State::method:
        while (position_ < size && base::is_tchar(input[position_])) ++position_;
        if (position_ == size) break;
        if (input[position_] != ' ') return fail(ErrorCode::bad_method);
        request.method_name = slice(part_begin_, position_);
        request.method = http::method_of(input.substr(part_begin_, position_ - part_begin_));
        part_begin_ = ++position_;
        state_ = State::target;
        break;

      case State::target:
        while (position_ < size && kTargetByte[static_cast<unsigned char>(input[position_])]) ++position_;
        if (position_ == size) break;
        if (input[position_] == '\r') return fail(ErrorCode::bad_version);
        if (input[position_] == '\n') return fail(ErrorCode::bare_lf);
        if (input[position_] != ' ' || position_ == part_begin_) return fail(ErrorCode::bad_target);
        request.target = slice(part_begin_, position_);
        part_begin_ = ++position_;
        state_ = State::version;
        break;

      case State::version: {
        const size_t index = position_ - part_begin_;
        if (index == kVersionShape.size()) {
          if (byte != '\r') return fail(byte == '\n' ? ErrorCode::bare_lf : ErrorCode::bad_version);
          if (major_ != '1') return fail(ErrorCode::unsupported_version);
          state_ = State::version_cr;
        } else if (const ErrorCode error = check_version(byte, index, request); error != ErrorCode::none) {
          return fail(error);
        }
        ++position_;
        break;
      }

      case State::version_cr:
        if (byte != '\n') return fail(ErrorCode::bare_cr);
        ++position_;
        state_ = State::fields;
        return Progress::incomplete;

      case State::fields: return Progress::incomplete;
    }
  }
  return Progress::incomplete;
}

ErrorCode RequestParser::check_version(char byte, size_t index, http::Request& request) noexcept {
  const char expected = kVersionShape[index];
  if (expected != 'd') return byte == expected ? ErrorCode::none : ErrorCode::bad_version;
  if (!base::is_digit(byte)) return ErrorCode::bad_version;
  if (index == 5) {
    major_ = byte;
  } else {
    // RFC 9110 section 2.5: a higher minor version is answered as the highest one known.
    request.version = byte == '0' ? http::Version::http10 : http::Version::http11;
  }
  return ErrorCode::none;
}

}  // namespace hyperion::http1
