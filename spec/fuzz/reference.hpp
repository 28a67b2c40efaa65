// The grammar of a request head and of chunked content once more, read from RFC 9112 the slow and plain way. What the
// server's incremental parsers accept must be exactly what these accept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hyperion::fuzz {

using Lines = std::vector<std::pair<std::string, std::string>>;

inline bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

inline constexpr std::string_view kToken =
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

// Field lines up to the empty line; nothing when they are malformed or not all there.
inline std::optional<Lines> reference_fields(std::string_view& input) {
  Lines lines;
  while (true) {
    const size_t end = input.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end + 2);
    if (line.empty()) return lines;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || !all_of(line.substr(0, colon), kToken)) return std::nullopt;
    std::string_view value = line.substr(colon + 1);
    for (const char c : value) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return std::nullopt;
    }
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    lines.emplace_back(std::string{line.substr(0, colon)}, std::string{value});
  }
}

struct ReferenceHead {
  std::string method;
  std::string target;
  char minor = '1';
  Lines fields;
  size_t size = 0;
};

// A complete head of HTTP/1.x at the beginning of `input`, by its grammar alone.
inline std::optional<ReferenceHead> reference_head(const std::string_view input) {
  const size_t end = input.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = input.substr(0, end);
  const size_t first = line.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  ReferenceHead head;
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (head.method.empty() || !all_of(head.method, kToken) || head.target.empty()) return std::nullopt;
  for (const char c : head.target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f || byte == '#') return std::nullopt;
  }
  if (version.size() != 8 || version.substr(0, 7) != "HTTP/1." || version[7] < '0' || version[7] > '9') {
    return std::nullopt;
  }
  head.minor = version[7];
  std::string_view rest = input.substr(end + 2);
  auto fields = reference_fields(rest);
  if (!fields) return std::nullopt;
  head.fields = std::move(*fields);
  head.size = input.size() - rest.size();
  return head;
}

struct ReferenceBody {
  std::string content;
  Lines trailers;
  size_t size = 0;
};

// Complete chunked content at the beginning of `input`. Sizes of at most 15 digits; extensions may hold any field byte.
inline std::optional<ReferenceBody> reference_chunks(const std::string_view input) {
  ReferenceBody body;
  std::string_view rest = input;
  while (true) {
    const size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    std::string_view size = line.substr(0, line.find(';'));
    if (size.size() < line.size()) {
      const std::string_view extension = line.substr(size.size() + 1);
      while (!size.empty() && (size.back() == ' ' || size.back() == '\t')) size.remove_suffix(1);
      for (const char c : extension) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return std::nullopt;
      }
    }
    if (size.empty() || size.size() > 15 || !all_of(size, "0123456789abcdefABCDEF")) return std::nullopt;
    const uint64_t number = std::stoull(std::string{size}, nullptr, 16);
    if (number == 0) break;
    if (rest.size() < 2 || number > rest.size() - 2 || rest.substr(number, 2) != "\r\n") return std::nullopt;
    body.content += rest.substr(0, number);
    rest.remove_prefix(number + 2);
  }
  auto trailers = reference_fields(rest);
  if (!trailers) return std::nullopt;
  body.trailers = std::move(*trailers);
  body.size = input.size() - rest.size();
  return body;
}

}  // namespace hyperion::fuzz
