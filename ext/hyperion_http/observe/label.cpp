#include "observe/label.hpp"

#include <cstdint>

namespace hyperion::observe {
namespace {

// Bytes of the character that `text` begins with; 0 when that is none (RFC 3629 section 4).
size_t character(std::string_view text) noexcept {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(i < text.size() ? text[i] : 0); };
  const auto tails = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      if ((byte(i) & 0xc0U) != 0x80U) return false;
    }
    return true;
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
  if (first >= 0xc2 && first <= 0xdf) return tails(1, 2) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    return tails(1, 3) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool too_large = first == 0xf4 && byte(1) > 0x8f;
    return tails(1, 4) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string clean_label(std::string_view text, size_t most) {
  std::string clean;
  while (!text.empty()) {
    const size_t size = character(text);
    if (clean.size() + (size == 0 ? 1 : size) > most) break;
    if (size == 0) {
      clean += '?';
    } else {
      clean += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return clean;
}

}  // namespace hyperion::observe
