// Fuzz target: serve::names_etag and serve::is_etag against a plain reading of RFC 9110 sections 5.6.1, 8.8.3 and 13.1.
#include <optional>
#include <string>
#include <vector>

#include "http1/guard_page.hpp"
#include "input.hpp"
#include "serve/conditional.hpp"

using namespace hyperion;
using fuzz::require;

namespace {

struct Tag {
  bool weak = false;
  std::string opaque;
};

// Reads one tag at `at`; nothing when none stands there.
std::optional<Tag> read_tag(const std::string& text, size_t& at) {
  Tag tag;
  size_t next = at;
  if (text.compare(next, 2, "W/") == 0) {
    tag.weak = true;
    next += 2;
  }
  if (next >= text.size() || text[next++] != '"') return std::nullopt;
  while (next < text.size() && text[next] != '"') {
    const int byte = static_cast<unsigned char>(text[next]);
    if (byte == 0x21 || (byte >= 0x23 && byte <= 0x7e) || byte >= 0x80) {
      tag.opaque += text[next++];
    } else {
      return std::nullopt;
    }
  }
  if (next >= text.size()) return std::nullopt;
  at = next + 1;
  return tag;
}

bool blank(char c) { return c == ' ' || c == '\t'; }

// The members up to the first thing that is none.
std::vector<Tag> read_list(const std::string& text) {
  std::vector<Tag> tags;
  size_t at = 0;
  while (true) {
    while (at < text.size() && (blank(text[at]) || text[at] == ',')) ++at;
    const auto tag = read_tag(text, at);
    if (!tag) return tags;
    while (at < text.size() && blank(text[at])) ++at;
    if (at < text.size() && text[at] != ',') return tags;
    tags.push_back(*tag);
  }
}

bool expected(const std::string& list, const Tag& wanted, bool weak) {
  const size_t begin = list.find_first_not_of(" \t");
  if (begin != std::string::npos && list[begin] == '*' &&
      list.find_first_not_of(" \t", begin + 1) == std::string::npos) {
    return true;
  }
  for (const Tag& tag : read_list(list)) {
    if (tag.opaque == wanted.opaque && (weak || (!tag.weak && !wanted.weak))) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static test::GuardPage page;
  fuzz::Input input{data, size};
  const bool weak = input.flag();
  const std::string etag{input.bytes(input.choice(8))};
  (void)input.cuts();  // the list is read whole
  const std::string list{input.rest()};

  size_t end = 0;
  const auto tag = read_tag(etag, end);
  const bool whole = tag && end == etag.size();
  require(serve::is_etag(etag) == whole, "an entity tag");
  const std::string own = whole ? etag : "\"a\"";
  const Tag wanted = whole ? *tag : Tag{.weak = false, .opaque = "a"};
  require(serve::names_etag(page.hold(list), own, weak) == expected(list, wanted, weak), "the list names the tag");
  return 0;
}
