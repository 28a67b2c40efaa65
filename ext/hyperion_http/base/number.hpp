// Strict numbers of wire formats: digits only, no sign, no blank, overflow is an error.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/ascii.hpp"

namespace hyperion::base {

// 1*DIGIT; nullopt when empty, when another byte occurs, or above 2^63 - 1 (so that the value fits off_t as well).
constexpr std::optional<uint64_t> parse_decimal(std::string_view text) noexcept {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (text.empty()) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<uint64_t>(c - '0');
    if (value > (kMax - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

inline void append_decimal(std::string& out, uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

inline void append_hex(std::string& out, uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

}  // namespace hyperion::base
