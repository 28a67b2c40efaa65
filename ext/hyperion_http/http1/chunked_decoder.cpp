#include "http1/chunked_decoder.hpp"

#include <algorithm>
#include <utility>

#include "base/ascii.hpp"
#include "base/release.hpp"

namespace hyperion::http1 {

using base::ErrorCode;

namespace {

// 15 digits: below 2^60, so sums of sizes do not overflow either.
constexpr uint8_t kMostDigits = 15;

// Fields that would change the framing, the way or the meaning of a head that was acted on already (RFC 9110
// section 6.5.1).
bool forbidden_in_trailers(http::KnownField field) noexcept {
  using enum http::KnownField;
  switch (field) {
    case content_length:
    case transfer_encoding:
    case connection:
    case keep_alive:
    case proxy_connection:
    case te:
    case trailer:
    case upgrade:
    case host:
    case max_forwards:
    case expect:
    case authorization:
    case proxy_authorization:
    case cookie:
    case cache_control:
    case if_match:
    case if_modified_since:
    case if_none_match:
    case if_range:
    case if_unmodified_since:
    case range:
    case content_type:
    case content_encoding:
    case content_range: return true;
    default: return false;
  }
}

}  // namespace

Progress ChunkedDecoder::decode(std::string_view& input, std::string& content, http::FieldList& trailers,
                                uint64_t room) {
  while (!input.empty()) {
    if (state_ == State::data) {
      const uint64_t size = std::min<uint64_t>(input.size(), remaining_);
      content.append(input.substr(0, size));
      input.remove_prefix(size);
      remaining_ -= size;
      room -= std::min(room, size);
      if (remaining_ == 0) state_ = State::data_cr;
    } else if (state_ == State::trailers) {
      return read_trailers(input, trailers);
    } else if (state_ == State::size_lf && remaining_ > room) {
      return Progress::incomplete;
    } else {
      const Progress progress = step(input.front());
      if (progress == Progress::failed) return progress;
      input.remove_prefix(1);
    }
  }
  return Progress::incomplete;
}

Progress ChunkedDecoder::step(char byte) noexcept {
  switch (state_) {
    case State::size_first:
      digits_ = 0;
      state_ = State::size;
      [[fallthrough]];

    case State::size:
      if (const int digit = base::hex_value(byte); digit >= 0) {
        if (++digits_ > kMostDigits) return fail(ErrorCode::bad_chunk_size);
        remaining_ = remaining_ * 16 + static_cast<uint64_t>(digit);
        return Progress::incomplete;
      }
      if (digits_ == 0) return fail(ErrorCode::bad_chunk_size);
      if (byte == '\r') {
        state_ = State::size_lf;
      } else if (byte == ';') {
        state_ = State::extension;
      } else if (base::is_ows(byte)) {
        state_ = State::blank;
      } else {
        return fail(byte == '\n' ? ErrorCode::bare_lf : ErrorCode::bad_chunk_size);
      }
      return Progress::incomplete;

    case State::blank:
      // Blanks may stand before the semicolon of an extension, nowhere else.
      if (extension_room_-- == 0) return fail(ErrorCode::bad_chunk_extension);
      if (byte == ';') {
        state_ = State::extension;
      } else if (!base::is_ows(byte)) {
        return fail(ErrorCode::bad_chunk_size);
      }
      return Progress::incomplete;

    case State::extension:
      if (byte == '\r') {
        state_ = State::size_lf;
        return Progress::incomplete;
      }
      if (byte == '\n') return fail(ErrorCode::bare_lf);
      if (!base::is_field_char(byte) || extension_room_-- == 0) return fail(ErrorCode::bad_chunk_extension);
      return Progress::incomplete;

    case State::size_lf:
      if (byte != '\n') return fail(ErrorCode::bare_cr);
      began_ = true;
      state_ = remaining_ == 0 ? State::trailers : State::data;
      return Progress::incomplete;

    case State::data_cr:
      if (byte != '\r') return fail(ErrorCode::bad_chunk_end);
      state_ = State::data_lf;
      return Progress::incomplete;

    case State::data_lf:
      if (byte != '\n') return fail(ErrorCode::bad_chunk_end);
      state_ = State::size_first;
      return Progress::incomplete;

    case State::data:
    case State::trailers: break;
  }
  return Progress::incomplete;
}

Progress ChunkedDecoder::read_trailers(std::string_view& input, http::FieldList& trailers) {
  // The section is collected, for its slices refer to one run of bytes: line by line, so that what lies behind it is
  // not copied. Usually it is the two bytes of an empty line.
  Progress progress = Progress::incomplete;
  while (progress == Progress::incomplete) {
    if (trailer_bytes_.size() >= max_trailer_bytes_) return fail(ErrorCode::trailer_too_large);
    if (input.empty()) return progress;
    const size_t line = std::min(input.find('\n'), input.size() - 1) + 1;
    const size_t size = std::min<uint64_t>(line, max_trailer_bytes_ - trailer_bytes_.size());
    trailer_bytes_.append(input.substr(0, size));
    input.remove_prefix(size);
    progress = trailer_parser_.parse(trailer_bytes_, trailer_position_, trailer_fields_);
  }
  if (progress == Progress::failed) {
    const bool too_many = trailer_parser_.error() == ErrorCode::too_many_fields;
    return fail(too_many ? ErrorCode::trailer_too_large : ErrorCode::bad_trailer);
  }
  trailer_fields_.adopt(trailer_bytes_);
  trailer_fields_.remove_if([](const http::Field& field) { return forbidden_in_trailers(field.known); });
  trailers = std::exchange(trailer_fields_, http::FieldList{});
  base::release(trailer_bytes_);
  return progress;
}

}  // namespace hyperion::http1
