// How a log line looks, as text for people and as JSON for machines. Whatever a client sent is escaped: a line stays a
// line, a field stays a field, and a terminal is never steered.
#pragma once

#include <string>
#include <string_view>

#include "observe/log_entry.hpp"

namespace hyperion::observe {

void append_access_line(std::string& out, const AccessEntry& entry, const Style& style);
void append_message_line(std::string& out, const Message& message, const Style& style);

// Bytes of `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD; whatever ends a line or
// steers a terminal is written as \uXXXX.
void append_json_string(std::string& out, std::string_view text);
// The same bytes as \xHH, and backslashes as \\; everything printable as it is.
void append_escaped(std::string& out, std::string_view text);
// The same for a word among others: with quotes where it would not be one.
void append_word(std::string& out, std::string_view text);

}  // namespace hyperion::observe
