// Fuzz target: log lines. Whatever a client sends and an application adds, a line is one line of valid UTF-8 without
// control characters; as JSON it is an object whose members are the server's, each once, then the application's; as
// text it has as many fields as it was given.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "input.hpp"
#include "observe/log_fields.hpp"
#include "observe/log_format.hpp"

using namespace hyperion;
using namespace hyperion::observe;
using fuzz::require;

namespace {

// A plain reading of RFC 8259, for one object of scalars without insignificant blanks.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_(text) {}

  // The names of its members; nothing when it is no such object.
  std::optional<std::vector<std::string>> names() {
    std::vector<std::string> found;
    if (!take("{")) return std::nullopt;
    do {
      auto name = string();
      if (!name || !take(":") || !value()) return std::nullopt;
      found.push_back(std::move(*name));
    } while (take(","));
    if (!take("}") || !rest_.empty()) return std::nullopt;
    return found;
  }

 private:
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool value() {
    if (rest_.starts_with('"')) return string().has_value();
    if (take("true") || take("false") || take("null")) return true;
    const size_t size = std::min(rest_.find_first_not_of("0123456789+-.eE"), rest_.size());
    rest_.remove_prefix(size);
    return size > 0;
  }
  std::optional<std::string> string() {
    if (!take("\"")) return std::nullopt;
    std::string text;
    while (!rest_.empty() && rest_.front() != '"') {
      size_t size = 1;
      if (rest_.front() == '\\') {
        if (rest_.size() < 2) return std::nullopt;
        size = rest_[1] == 'u' ? 6 : 2;
        if (size == 2 && std::string_view{"\"\\nrt"}.find(rest_[1]) == std::string_view::npos) return std::nullopt;
        if (rest_.size() < size) return std::nullopt;
        if (size == 6 && rest_.substr(2, 4).find_first_not_of("0123456789abcdef") != std::string_view::npos) {
          return std::nullopt;
        }
      }
      text += rest_.substr(0, size);
      rest_.remove_prefix(size);
    }
    if (!take("\"")) return std::nullopt;
    return text;
  }

  std::string_view rest_;
};

// RFC 3629 read plainly: decode, and see whether the shortest form was used.
bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (size == 0 || i + size > text.size()) return false;
    uint32_t code = size == 1 ? lead : lead & (0xff >> (size + 1));
    for (size_t k = 1; k < size; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next >> 6 != 2) return false;
      code = code << 6 | (next & 0x3f);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    if (control || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)) return false;
    i += size;
  }
  return true;
}

// Words of a text line: blanks divide them, but not between quotes.
size_t words_of(std::string_view line) {
  size_t count = 1;
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ' ' && !quoted) {
      ++count;
    }
  }
  return count;
}

size_t count_of(std::string_view packed) {
  size_t count = 0;
  Field field;
  while (take_field(packed, field)) ++count;
  return count;
}

std::string_view checked_line(std::string_view line) {
  require(line.ends_with('\n'), "a line ends");
  line.remove_suffix(1);
  require(is_utf8(line), "one line of plain characters");
  return line;
}

void check_json(std::string_view line, size_t server_members, size_t fields) {
  const auto names = JsonReader{checked_line(line)}.names();
  require(names.has_value(), "an object");
  require(names->size() == server_members + fields, "every member, and no other");
  std::vector<std::string> first(names->begin(), names->begin() + static_cast<std::ptrdiff_t>(server_members));
  for (size_t i = server_members; i < names->size(); ++i) {
    require((*names)[i] == "fields_omitted" || std::find(first.begin(), first.end(), (*names)[i]) == first.end(),
            "no member of the server's is there twice");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input{data, size};
  std::string packed;
  FieldsWriter writer{packed, kAccessFields};
  for (uint8_t count = input.choice(8); count > 0; --count) {
    constexpr FieldKind kKinds[] = {FieldKind::text, FieldKind::number, FieldKind::yes, FieldKind::no,
                                    FieldKind::nothing};
    const FieldKind kind = kKinds[input.choice(std::size(kKinds))];
    const std::string_view name =
        input.flag() ? kAccessFields[input.choice(kAccessFields.size())] : input.bytes(input.choice(80));
    writer.add(kind, name, input.text());
  }
  writer.finish();
  require(packed.size() <= kMostFieldBytes + 64, "bounded");
  // Whatever bytes arrive, reading them ends.
  (void)count_of(input.text());

  const size_t fields = count_of(packed);
  AccessEntry entry;
  entry.status = input.byte() * 5;
  entry.duration_nanos = uint64_t{input.byte()} << input.choice(56);
  entry.wall_micros = int64_t{input.byte()} << input.choice(50);
  entry.version = "HTTP/1.1";
  entry.fields = packed;
  const std::string_view request_id = input.text();
  entry.request_id = request_id;
  std::string line;
  append_access_line(line, entry, {.format = Format::text, .color = false, .bare = input.flag()});
  const size_t words = words_of(checked_line(line));
  // Method, path, query and address come from the parser, which lets no blank through.
  std::string blankless{input.text()};
  std::replace(blankless.begin(), blankless.end(), ' ', '_');
  entry.method = entry.path = entry.remote = blankless;
  line.clear();
  append_access_line(line, entry, {.bare = true});
  require(words_of(checked_line(line)) == 8 + (request_id.empty() ? 0 : 1) + fields, "as many fields as were given");
  require(words == 8 + (request_id.empty() ? 0 : 1) + fields || words == 10 + (request_id.empty() ? 0 : 1) + fields,
          "as many fields as were given, without a request, too");
  entry.method = entry.path = entry.query = entry.remote = input.text();
  line.clear();
  append_access_line(line, entry, {.format = Format::json});
  check_json(line, request_id.empty() ? 12 : 13, fields);

  const Message message{.level = Level::warn, .source = input.text(), .text = input.rest(), .fields = packed};
  line.clear();
  append_message_line(line, message, {.format = Format::json});
  check_json(line, 4, fields);
  line.clear();
  append_message_line(line, message, {});
  (void)checked_line(line);
  return 0;
}
