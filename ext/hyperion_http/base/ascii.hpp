// Character classes of RFC 9110 section 5.6 and case-insensitive ASCII comparison. Tables are built from the grammar.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hyperion::base {

namespace detail {

consteval std::array<bool, 256> tchar_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (char c : std::string_view{"!#$%&'*+-.^_`|~"}) table[static_cast<unsigned char>(c)] = true;
  return table;
}

consteval std::array<int8_t, 256> hex_table() {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (int c = 0; c < 10; ++c) table[static_cast<size_t>('0' + c)] = static_cast<int8_t>(c);
  for (int c = 0; c < 6; ++c) {
    table[static_cast<size_t>('a' + c)] = static_cast<int8_t>(10 + c);
    table[static_cast<size_t>('A' + c)] = static_cast<int8_t>(10 + c);
  }
  return table;
}

inline constexpr auto kTchar = tchar_table();
inline constexpr auto kHex = hex_table();

}  // namespace detail

constexpr bool is_tchar(char c) noexcept { return detail::kTchar[static_cast<unsigned char>(c)]; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// Value of a hex digit, -1 for anything else.
constexpr int hex_value(char c) noexcept { return detail::kHex[static_cast<unsigned char>(c)]; }
// SP or HTAB: optional white space of field lines.
constexpr bool is_ows(char c) noexcept { return c == ' ' || c == '\t'; }
// A byte that may stand in a field value: VCHAR, obs-text, SP, HTAB (RFC 9110 section 5.5).
constexpr bool is_field_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
}

constexpr char to_lower(char c) noexcept { return (c >= 'A' && c <= 'Z') ? static_cast<char>(c | 0x20) : c; }
constexpr char to_upper(char c) noexcept { return (c >= 'a' && c <= 'z') ? static_cast<char>(c & ~0x20) : c; }

constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

constexpr bool is_token(std::string_view text) noexcept {
  if (text.empty()) return false;
  for (char c : text) {
    if (!is_tchar(c)) return false;
  }
  return true;
}

// `text` without SP and HTAB at both ends.
constexpr std::string_view trim_ows(std::string_view text) noexcept {
  while (!text.empty() && is_ows(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ows(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace hyperion::base
