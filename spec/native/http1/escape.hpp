// The escapes of corpus files, both ways: \r \n \t \0 \s (a blank) \\ \xHH, and \{N*text} for N times `text`.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/ascii.hpp"

namespace hyperion::test {

// Readable text for any bytes; `unescape` gives them back.
inline std::string escape(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const bool at_edge = i == 0 || i + 1 == bytes.size();
    if (byte == '\r') {
      text += "\\r";
    } else if (byte == '\n') {
      text += "\\n";
    } else if (byte == '\t') {
      text += "\\t";
    } else if (byte == '\\') {
      text += "\\\\";
    } else if (byte == ' ' && at_edge) {
      text += "\\s";
    } else if (byte < 0x20 || byte >= 0x7f) {
      text += "\\x";
      text += kHex[byte >> 4];
      text += kHex[byte & 15];
    } else {
      text += bytes[i];
    }
  }
  return text;
}

inline std::string unescape(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    if (++i == text.size()) throw std::runtime_error("a backslash at the end");
    switch (text[i]) {
      case 'r': bytes += '\r'; break;
      case 'n': bytes += '\n'; break;
      case 't': bytes += '\t'; break;
      case '0': bytes += '\0'; break;
      case 's': bytes += ' '; break;
      case '\\': bytes += '\\'; break;
      case 'x': {
        const int high = i + 1 < text.size() ? base::hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? base::hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0) throw std::runtime_error("\\x needs two hex digits");
        bytes += static_cast<char>(high * 16 + low);
        i += 2;
        break;
      }
      case '{': {
        const size_t star = text.find('*', i);
        const size_t close = text.find('}', i);
        if (star == std::string_view::npos || close == std::string_view::npos || star > close) {
          throw std::runtime_error("\\{N*text} is not complete");
        }
        const long count = std::strtol(std::string{text.substr(i + 1, star - i - 1)}.c_str(), nullptr, 10);
        const std::string part = unescape(text.substr(star + 1, close - star - 1));
        for (long n = 0; n < count; ++n) bytes += part;
        i = close;
        break;
      }
      default: throw std::runtime_error("unknown escape");
    }
  }
  return bytes;
}

}  // namespace hyperion::test
