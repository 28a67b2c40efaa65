#include "observe/log_format.hpp"

#include <time.h>

#include <charconv>
#include <cstdio>

#include "base/number.hpp"

namespace hyperion::observe {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

void append_time(std::string& out, int64_t wall_micros) {
  const auto seconds = static_cast<time_t>(wall_micros / 1'000'000);
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[96];
  const int size =
      std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                    utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(wall_micros / 1000 % 1000));
  out.append(text, static_cast<size_t>(size));
}

// Milliseconds with three decimals.
void append_millis(std::string& out, uint64_t nanos) {
  const uint64_t micros = nanos / 1000;
  base::append_decimal(out, micros / 1000);
  const auto rest = static_cast<unsigned>(micros % 1000);
  out += '.';
  out += static_cast<char>('0' + rest / 100);
  out += static_cast<char>('0' + rest / 10 % 10);
  out += static_cast<char>('0' + rest % 10);
}

void append_level(std::string& out, Level level, bool color) {
  static constexpr std::string_view kNames[] = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
  static constexpr std::string_view kColors[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[1;31m"};
  const auto index = static_cast<size_t>(level);
  if (color) out += kColors[index];
  out += kNames[index];
  if (color) out += "\x1b[0m";
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
  out += ",\"";
  out += key;
  out += "\":";
  append_json_string(out, value);
}

void begin_json(std::string& out, int64_t wall_micros, Level level, std::string_view source) {
  out += "{\"ts\":\"";
  append_time(out, wall_micros);
  out += '"';
  append_member(out, "level", text_of(level));
  append_member(out, "source", source);
}

// Length of the well-formed UTF-8 sequence at the front of `text` (RFC 3629 section 4), 0 when there is none.
size_t utf8_length(std::string_view text) noexcept {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  size_t size = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) {
    size = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    size = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    size = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (text.size() < size || at(1) < low || at(1) > high) return 0;
  for (size_t i = 2; i < size; ++i) {
    if (at(i) < 0x80 || at(i) > 0xbf) return 0;
  }
  return size;
}

// Whether the sequence of `size` bytes at the front of `text` is a C1 control (U+0080 to U+009F): those steer terminals
// as well.
bool is_c1(std::string_view text, size_t size) noexcept {
  return size == 2 && static_cast<unsigned char>(text[0]) == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
}

}  // namespace

std::string_view text_of(Level level) noexcept {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
    case Level::fatal: return "fatal";
  }
  return "info";
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      const size_t size = utf8_length(text);
      if (size == 0) {
        out += "\\ufffd";
        text.remove_prefix(1);
      } else if (is_c1(text, size)) {
        const auto second = static_cast<unsigned char>(text[1]);
        out += "\\u00";
        out += kHexDigits[second >> 4];
        out += kHexDigits[second & 15];
        text.remove_prefix(size);
      } else {
        out.append(text.substr(0, size));
        text.remove_prefix(size);
      }
      continue;
    }
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (byte < 0x20 || byte == 0x7f) {
          out += "\\u00";
          out += kHexDigits[byte >> 4];
          out += kHexDigits[byte & 15];
        } else {
          out += c;
        }
    }
    text.remove_prefix(1);
  }
  out += '"';
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    const size_t size = utf8_length(text);
    if (size > 1 && !is_c1(text, size)) {
      out.append(text.substr(0, size));
      text.remove_prefix(size);
      continue;
    }
    if (byte == '\\') {
      out += "\\\\";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    } else {
      out += text.front();
    }
    text.remove_prefix(1);
  }
}

void append_access_line(std::string& out, const AccessEntry& entry, const LogSettings& settings) {
  if (settings.format == Format::json) {
    begin_json(out, entry.wall_micros, Level::info, "access");
    append_member(out, "message", "request");
    append_member(out, "method", entry.method);
    append_member(out, "path", entry.path);
    append_member(out, "query", entry.query);
    out += ",\"status\":";
    base::append_decimal(out, static_cast<uint64_t>(entry.status));
    out += ",\"duration_ms\":";
    append_millis(out, entry.duration_nanos);
    out += ",\"bytes\":";
    base::append_decimal(out, entry.response_bytes);
    append_member(out, "remote_addr", entry.remote);
    append_member(out, "http_version", entry.version);
    if (!entry.request_id.empty()) append_member(out, "request_id", entry.request_id);
    out += "}\n";
    return;
  }
  append_time(out, entry.wall_micros);
  out += ' ';
  append_level(out, Level::info, settings.color);
  out += " access: ";
  append_escaped(out, entry.method.empty() ? std::string_view{"-"} : entry.method);
  out += ' ';
  append_escaped(out, entry.path.empty() ? std::string_view{"-"} : entry.path);
  if (!entry.query.empty()) {
    out += '?';
    append_escaped(out, entry.query);
  }
  out += ' ';
  base::append_decimal(out, static_cast<uint64_t>(entry.status));
  out += ' ';
  append_millis(out, entry.duration_nanos);
  out += "ms ";
  base::append_decimal(out, entry.response_bytes);
  out += "B ";
  append_escaped(out, entry.remote.empty() ? std::string_view{"-"} : entry.remote);
  out += ' ';
  out += entry.version;
  if (!entry.request_id.empty()) {
    out += " request_id=";
    append_escaped(out, entry.request_id);
  }
  out += '\n';
}

void append_message_line(std::string& out, int64_t wall_micros, Level level, std::string_view component,
                         std::string_view message, const LogSettings& settings) {
  if (settings.format == Format::json) {
    begin_json(out, wall_micros, level, component);
    append_member(out, "message", message);
    out += "}\n";
    return;
  }
  append_time(out, wall_micros);
  out += ' ';
  append_level(out, level, settings.color);
  out += ' ';
  append_escaped(out, component);
  out += ": ";
  append_escaped(out, message);
  out += '\n';
}

}  // namespace hyperion::observe
