#include "observe/path_template.hpp"

#include <algorithm>

#include "base/ascii.hpp"

namespace hyperion::observe {
namespace {

constexpr size_t kLongestWord = 32;
constexpr size_t kShortestHex = 8;
constexpr size_t kLongestExtension = 5;

bool is_plain(char c) noexcept { return c > ' ' && c < 0x7f; }
bool is_hex(char c) noexcept { return base::hex_value(c) >= 0; }

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

// What stands for a segment; empty: the segment itself.
std::string_view placeholder(std::string_view segment) noexcept {
  if (segment.empty()) return {};
  if (segment.size() > kLongestWord)
    return is_uuid(segment) ? ":uuid" : (std::all_of(segment.begin(), segment.end(), is_hex) ? ":hex" : ":token");
  bool digits = false;
  bool number = base::is_digit(segment.front()) && base::is_digit(segment.back());
  bool hex = segment.size() >= kShortestHex;
  for (const char c : segment) {
    digits = digits || base::is_digit(c);
    number = number && (base::is_digit(c) || c == '-' || c == '_');
    hex = hex && is_hex(c);
  }
  if (number) return ":id";
  return hex && digits ? ":hex" : std::string_view{};
}

// Where the extension of a segment begins, its dot included; its end when there is none.
size_t extension_of(std::string_view segment) noexcept {
  const size_t dot = segment.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return segment.size();
  const std::string_view extension = segment.substr(dot + 1);
  if (extension.empty() || extension.size() > kLongestExtension || !base::is_alpha(extension.front()))
    return segment.size();
  const auto fits = [](char c) { return base::is_alpha(c) || base::is_digit(c); };
  return std::all_of(extension.begin(), extension.end(), fits) ? dot : segment.size();
}

// Nothing in it could be a placeholder, and every byte can be shown.
bool is_its_own_shape(std::string_view path) noexcept {
  size_t word = 0;
  for (const char c : path) {
    if (base::is_digit(c) || !is_plain(c)) return false;
    word = c == '/' ? 0 : word + 1;
    if (word > kLongestWord) return false;
  }
  return true;
}

}  // namespace

bool PathTemplate::append(std::string_view bytes) noexcept {
  if (bytes.size() > bytes_.size() - size_) return false;
  std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
  size_ += bytes.size();
  return true;
}

bool PathTemplate::append_escaped(std::string_view bytes) noexcept {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    const char escaped[] = {'%', kDigits[byte / 16], kDigits[byte % 16]};
    if (!append(is_plain(c) ? std::string_view{&c, 1} : std::string_view{escaped, sizeof escaped})) return false;
  }
  return true;
}

std::string_view PathTemplate::of(std::string_view path) noexcept {
  if (path.size() <= bytes_.size() && is_its_own_shape(path)) return path;
  size_ = 0;
  while (true) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    const size_t dot = extension_of(segment);
    const std::string_view stem = segment.substr(0, dot);
    const std::string_view shown = placeholder(stem);
    if (shown.empty() ? !append_escaped(stem) : !append(shown)) return {};
    if (!append_escaped(segment.substr(dot))) return {};
    if (end == path.size()) return {bytes_.data(), size_};
    if (!append("/")) return {};
    path.remove_prefix(end + 1);
  }
}

}  // namespace hyperion::observe
