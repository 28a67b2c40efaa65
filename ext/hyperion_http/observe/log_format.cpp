#include "observe/log_format.hpp"

#include <time.h>

#include <array>
#include <cstdio>

#include "base/number.hpp"
#include "observe/log_fields.hpp"

namespace hyperion::observe {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

void append_three_digits(std::string& out, unsigned number) {
  const char digits[] = {static_cast<char>('0' + number / 100), static_cast<char>('0' + number / 10 % 10),
                         static_cast<char>('0' + number % 10)};
  out.append(digits, sizeof digits);
}

// Lines come by the thousand in one second: the calendar is asked once for all of them.
void append_time(std::string& out, int64_t wall_micros) {
  struct Second {
    int64_t number = INT64_MIN;
    char text[96] = {};
    size_t size = 0;
  };
  thread_local Second second;
  const auto seconds = static_cast<time_t>(wall_micros / 1'000'000);
  if (second.number != seconds) {
    tm utc{};
    ::gmtime_r(&seconds, &utc);
    const int size =
        std::snprintf(second.text, sizeof second.text, "%04d-%02d-%02dT%02d:%02d:%02d.", utc.tm_year + 1900,
                      utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
    second.size = static_cast<size_t>(size);
    second.number = seconds;
  }
  out.append(second.text, second.size);
  append_three_digits(out, static_cast<unsigned>(wall_micros / 1000 % 1000));
  out += 'Z';
}

// Milliseconds with three decimals.
void append_millis(std::string& out, uint64_t nanos) {
  const uint64_t micros = nanos / 1000;
  base::append_decimal(out, micros / 1000);
  out += '.';
  append_three_digits(out, static_cast<unsigned>(micros % 1000));
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

// What ends a line for some readers, or steers a terminal: the C1 controls, the line and paragraph separators, and the
// characters that turn the direction of writing. `text` begins with a character of `size` bytes.
bool steers(std::string_view text, size_t size) noexcept {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (size == 2) return at(0) == 0xc2 && at(1) < 0xa0;
  if (size != 3 || at(0) != 0xe2) return false;
  if (at(1) == 0x80) return at(2) >= 0xa8 && at(2) <= 0xae;  // U+2028 to U+202E
  return at(1) == 0x81 && at(2) >= 0xa6 && at(2) <= 0xa9;    // U+2066 to U+2069
}

// Of a character of two or three bytes.
unsigned code_point(std::string_view text, size_t size) noexcept {
  const auto bits = [&](size_t i, unsigned mask) { return static_cast<unsigned char>(text[i]) & mask; };
  if (size == 2) return bits(0, 0x1f) << 6 | bits(1, 0x3f);
  return bits(0, 0x0f) << 12 | bits(1, 0x3f) << 6 | bits(2, 0x3f);
}

void append_unicode_escape(std::string& out, unsigned code) {
  const char escape[] = {'\\',
                         'u',
                         kHexDigits[code >> 12 & 15],
                         kHexDigits[code >> 8 & 15],
                         kHexDigits[code >> 4 & 15],
                         kHexDigits[code & 15]};
  out.append(escape, sizeof escape);
}

constexpr std::array<bool, 256> kPrintable = [] {
  std::array<bool, 256> table{};
  for (size_t i = 0x20; i < 0x7f; ++i) table[i] = i != '\\';
  return table;
}();

// How much of the front is printable ASCII other than a backslash and `special`.
size_t plain_length(std::string_view text, char special) noexcept {
  size_t size = 0;
  while (size < text.size() && kPrintable[static_cast<unsigned char>(text[size])] && text[size] != special) ++size;
  return size;
}

// `special` gets a backslash as the backslash does.
void append_text(std::string& out, std::string_view text, char special) {
  while (!text.empty()) {
    const size_t plain = plain_length(text, special);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    size_t size = 1;
    if (c == '\\' || c == special) {
      out += '\\';
      out += c;
    } else if (size = utf8_length(text); size > 1 && !steers(text, size)) {
      out.append(text.substr(0, size));
    } else {
      size = 1;
      const char escape[] = {'\\', 'x', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
      out.append(escape, sizeof escape);
    }
    text.remove_prefix(size);
  }
}

void begin_json(std::string& out, int64_t wall_micros, Level level, std::string_view source) {
  out += "{\"ts\":\"";
  append_time(out, wall_micros);
  out += '"';
  append_member(out, "level", text_of(level));
  append_member(out, "source", source);
}

void begin_text(std::string& out, int64_t wall_micros, Level level, const Style& style) {
  if (style.bare) return;
  append_time(out, wall_micros);
  out += ' ';
  append_level(out, level, style.color);
  out += ' ';
}

// How fields are written: what stands before a name and between it and the value, texts, and nothing.
struct Notation {
  char before;
  char between;
  void (*append)(std::string& out, std::string_view text);
  std::string_view nothing;
};
constexpr Notation kJson{',', ':', append_json_string, "null"};
constexpr Notation kText{' ', '=', append_word, "nil"};

void append_fields(std::string& out, std::string_view packed, const Notation& notation) {
  Field field;
  while (take_field(packed, field)) {
    out += notation.before;
    notation.append(out, field.name);
    out += notation.between;
    switch (field.kind) {
      case FieldKind::text: notation.append(out, field.text); break;
      case FieldKind::number: out += field.text; break;
      case FieldKind::yes: out += "true"; break;
      case FieldKind::no: out += "false"; break;
      case FieldKind::nothing: out += notation.nothing; break;
    }
  }
}

void append_access_json(std::string& out, const AccessEntry& entry) {
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
  append_fields(out, entry.fields, kJson);
  out += "}\n";
}

void append_status(std::string& out, int status, bool color) {
  static constexpr std::string_view kColors[] = {"\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[31m"};
  const bool colored = color && status >= 200 && status < 600;
  if (colored) out += kColors[status / 100 - 2];
  base::append_decimal(out, static_cast<uint64_t>(status));
  if (colored) out += "\x1b[0m";
}

// What the parser lets no blank into. A quote in it opens none.
void append_part(std::string& out, std::string_view text) { append_text(out, text.empty() ? "-" : text, '"'); }

void append_access_text(std::string& out, const AccessEntry& entry, const Style& style) {
  begin_text(out, entry.wall_micros, Level::info, style);
  out += "access: ";
  append_part(out, entry.method);
  out += ' ';
  append_part(out, entry.path);
  if (!entry.query.empty()) {
    out += '?';
    append_part(out, entry.query);
  }
  out += ' ';
  append_status(out, entry.status, style.color);
  out += ' ';
  append_millis(out, entry.duration_nanos);
  out += "ms ";
  base::append_decimal(out, entry.response_bytes);
  out += "B ";
  append_part(out, entry.remote);
  out += ' ';
  out += entry.version;
  if (!entry.request_id.empty()) {
    out += " request_id=";
    append_word(out, entry.request_id);
  }
  append_fields(out, entry.fields, kText);
  out += '\n';
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
    const size_t plain = plain_length(text, '"');
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    size_t size = 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        size = utf8_length(text);
        if (size == 0) {
          out += "\\ufffd";
          size = 1;
        } else if (size > 1 && !steers(text, size)) {
          out.append(text.substr(0, size));
        } else {
          append_unicode_escape(out, size == 1 ? byte : code_point(text, size));
        }
    }
    text.remove_prefix(size);
  }
  out += '"';
}

void append_escaped(std::string& out, std::string_view text) { append_text(out, text, '\\'); }

void append_word(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of(" \"=") == std::string_view::npos) return append_text(out, text, '\\');
  out += '"';
  append_text(out, text, '"');
  out += '"';
}

void append_access_line(std::string& out, const AccessEntry& entry, const Style& style) {
  if (style.format == Format::json) {
    append_access_json(out, entry);
  } else {
    append_access_text(out, entry, style);
  }
}

void append_message_line(std::string& out, const Message& message, const Style& style) {
  if (style.format == Format::json) {
    begin_json(out, message.wall_micros, message.level, message.source);
    append_member(out, "message", message.text);
    append_fields(out, message.fields, kJson);
    out += "}\n";
    return;
  }
  begin_text(out, message.wall_micros, message.level, style);
  append_escaped(out, message.source);
  out += ':';
  if (!message.text.empty()) out += ' ';
  append_escaped(out, message.text);
  append_fields(out, message.fields, kText);
  out += '\n';
}

}  // namespace hyperion::observe
