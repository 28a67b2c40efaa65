// What is logged, and in which form: the words that the log, its formatter and their callers share.
#pragma once

#include <cstdint>
#include <string_view>

namespace hyperion::observe {

enum class Level : uint8_t { debug, info, warn, error, fatal };
enum class Format : uint8_t { text, json };

std::string_view text_of(Level level) noexcept;

// How the lines of one destination look.
struct Style {
  Format format = Format::text;
  bool color = false;
  // Text without time and level: whoever takes the line adds those.
  bool bare = false;
};

// One finished exchange, as the access log tells it. The views are copied.
struct AccessEntry {
  int64_t wall_micros = 0;
  uint64_t duration_nanos = 0;
  uint64_t response_bytes = 0;
  int status = 0;
  std::string_view method;
  std::string_view path;
  std::string_view query;
  std::string_view remote;
  std::string_view version;
  std::string_view request_id;
  std::string_view fields;  // of the application, packed (observe/log_fields)
};

// Anything else that is logged. Any bytes: they are escaped.
struct Message {
  int64_t wall_micros = 0;
  Level level = Level::info;
  std::string_view source;
  std::string_view text;
  std::string_view fields;
};

}  // namespace hyperion::observe
