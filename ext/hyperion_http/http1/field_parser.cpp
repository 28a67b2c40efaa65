#include "http1/field_parser.hpp"

#include "base/ascii.hpp"
#include "http1/scan.hpp"

namespace hyperion::http1 {

using base::ErrorCode;

void FieldParser::reset() noexcept { *this = FieldParser{max_fields_}; }

Progress FieldParser::fail(ErrorCode error) noexcept {
  error_ = error;
  return Progress::failed;
}

bool FieldParser::add(std::string_view input, size_t value_end, http::FieldList& fields) {
  if (max_fields_ != 0 && ++count_ > max_fields_) return false;
  while (value_end > value_begin_ && base::is_ows(input[value_end - 1])) --value_end;
  const auto slice = [](size_t from, size_t to) {
    return http::Slice{static_cast<uint32_t>(from), static_cast<uint32_t>(to - from)};
  };
  const std::string_view name = input.substr(name_begin_, name_end_ - name_begin_);
  underscore_ = underscore_ || name.find('_') != std::string_view::npos;
  fields.add({slice(name_begin_, name_end_), slice(value_begin_, value_end), http::find_known_field(name)});
  return true;
}

Progress FieldParser::parse(std::string_view input, size_t& position, http::FieldList& fields) noexcept {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* at = begin + position;
  const auto here = [&] { return static_cast<size_t>(at - begin); };
  const auto stop = [&](Progress progress) {
    position = here();
    return progress;
  };

  while (at < end) {
    switch (state_) {
      case State::line_start:
        if (*at == '\r') {
          ++at;
          state_ = State::last_cr;
          break;
        }
        if (*at == '\n') return stop(fail(ErrorCode::bare_lf));
        if (base::is_ows(*at)) return stop(fail(ErrorCode::obs_fold));
        name_begin_ = here();
        state_ = State::name;
        [[fallthrough]];

      case State::name: {
        while (at < end && base::is_tchar(*at)) ++at;
        if (at == end) break;
        if (*at != ':') {
          return stop(fail(base::is_ows(*at) ? ErrorCode::space_before_colon : ErrorCode::bad_field_name));
        }
        name_end_ = here();
        if (name_end_ == name_begin_) return stop(fail(ErrorCode::bad_field_name));
        ++at;
        state_ = State::blank;
        [[fallthrough]];
      }

      case State::blank:
        while (at < end && base::is_ows(*at)) ++at;
        if (at == end) break;
        value_begin_ = here();
        state_ = State::value;
        [[fallthrough]];

      case State::value:
        at = scan_field_value(at, end);
        if (at == end) break;
        if (*at != '\r') return stop(fail(*at == '\n' ? ErrorCode::bare_lf : ErrorCode::bad_field_value));
        if (!add(input, here(), fields)) return stop(fail(ErrorCode::too_many_fields));
        ++at;
        state_ = State::value_cr;
        if (at == end) break;
        [[fallthrough]];

      case State::value_cr:
        if (*at != '\n') return stop(fail(ErrorCode::bare_cr));
        ++at;
        state_ = State::line_start;
        break;

      case State::last_cr:
        if (*at != '\n') return stop(fail(ErrorCode::bare_cr));
        ++at;
        state_ = State::line_start;
        return stop(Progress::complete);
    }
  }
  return stop(Progress::incomplete);
}

}  // namespace hyperion::http1
