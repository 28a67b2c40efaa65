// Between Ruby's values and C++'s. What may raise takes the lock's token and throws ruby::Jump.
#pragma once

#include <ruby.h>
#include <ruby/encoding.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "ruby/entry.hpp"

namespace hyperion::ruby {

// The bytes of a String. Valid while the String lives and does not change.
inline std::string_view bytes_of(VALUE string) noexcept {
  return {RSTRING_PTR(string), static_cast<size_t>(RSTRING_LEN(string))};
}

// A new binary String.
inline VALUE to_string(std::string_view bytes) { return rb_str_new(bytes.data(), static_cast<long>(bytes.size())); }

// A frozen String, the only one of its content, in the encoding of source literals.
inline VALUE to_literal(std::string_view bytes) {
  return rb_enc_interned_str(bytes.data(), static_cast<long>(bytes.size()), rb_utf8_encoding());
}

// Raises TypeError, or RangeError for a number out of range.
uint64_t to_u64(const Gvl& gvl, VALUE value);
int64_t to_i64(const Gvl& gvl, VALUE value);
double to_double(const Gvl& gvl, VALUE value);
// A copy of the String's bytes.
std::string to_text(const Gvl& gvl, VALUE value);
// Seconds as Integer or Float; negative ones raise ArgumentError.
base::Duration to_duration(const Gvl& gvl, VALUE seconds);

}  // namespace hyperion::ruby
