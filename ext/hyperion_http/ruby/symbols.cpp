#include "ruby/symbols.hpp"

#include <string>

#include "base/ascii.hpp"
#include "ruby/convert.hpp"

namespace hyperion::ruby {

Ids ids;
Literals literals;

namespace {

// Registered addresses are roots of the collector, and what they hold never moves. To register is to allocate, which
// may collect: so the place comes first, then what it holds.
void keep(VALUE& place, std::string_view text) {
  rb_gc_register_address(&place);
  place = to_literal(text);
}

std::string env_key(std::string_view field) {
  std::string key = field == "content-type" || field == "content-length" ? "" : "HTTP_";
  for (char c : field) key.push_back(c == '-' ? '_' : base::to_upper(c));
  return key;
}

}  // namespace

void init_symbols() {
#define X(member, text) ids.member = rb_intern(text);
  HYPERION_IDS(X)
#undef X
#define X(member, text) keep(literals.member, text);
  HYPERION_LITERALS(X)
#undef X
  for (size_t i = 0; i < literals.field_keys.size(); ++i) {
    keep(literals.field_keys[i], env_key(http::name_of(static_cast<http::KnownField>(i))));
  }
}

}  // namespace hyperion::ruby
