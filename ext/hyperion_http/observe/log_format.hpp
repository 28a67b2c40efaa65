// How a log line looks, as text for people and as JSON for machines. Whatever a client sent is escaped: a line stays a
// line, and a terminal is never steered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "observe/log.hpp"

namespace hyperion::observe {

void append_access_line(std::string& out, const AccessEntry& entry, const LogSettings& settings);
void append_message_line(std::string& out, int64_t wall_micros, Level level, std::string_view component,
                         std::string_view message, const LogSettings& settings);

// Bytes of `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
// Control characters and backslashes as \xHH and \\; everything printable as it is.
void append_escaped(std::string& out, std::string_view text);

}  // namespace hyperion::observe
