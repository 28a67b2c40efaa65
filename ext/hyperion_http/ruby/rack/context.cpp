#include "ruby/rack/context.hpp"

#include <algorithm>
#include <functional>

#include "base/ascii.hpp"
#include "ruby/convert.hpp"

namespace hyperion::ruby::rack {

VALUE KeyCache::key_for(const Gvl&, std::string_view field_name) {
  constexpr std::string_view kPrefix = "HTTP_";
  char bytes[128];
  const size_t size = kPrefix.size() + field_name.size();
  const auto spell = [&](char* to) {
    kPrefix.copy(to, kPrefix.size());
    to += kPrefix.size();
    for (char c : field_name) *to++ = c == '-' ? '_' : base::to_upper(c);
  };
  if (size > sizeof bytes) {
    // Rare, and nothing that may raise happens while C++ owns memory: the String itself is the buffer.
    const VALUE key = rb_utf8_str_new(nullptr, static_cast<long>(size));
    spell(RSTRING_PTR(key));
    return rb_str_to_interned_str(key);
  }
  spell(bytes);
  const std::string_view key{bytes, size};
  const size_t home = std::hash<std::string_view>{}(key);
  VALUE* free = nullptr;
  for (size_t i = 0; i < kProbes && free == nullptr; ++i) {
    VALUE& slot = slots_[(home + i) % kSlots];
    if (NIL_P(slot)) {
      free = &slot;
    } else if (bytes_of(slot) == key) {
      return slot;
    }
  }
  const VALUE value = to_literal(key);
  if (free != nullptr) *free = value;
  return value;
}

void KeyCache::mark() const noexcept {
  for (const VALUE value : slots_) rb_gc_mark(value);
}

void FollowUps::add(http::Exchange& exchange, VALUE record) { entries_.push_back({&exchange, record}); }

VALUE FollowUps::take(http::Exchange& exchange) noexcept {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.exchange == &exchange; });
  if (found == entries_.end()) return Qnil;
  const VALUE record = found->record;
  *found = entries_.back();
  entries_.pop_back();
  return record;
}

void FollowUps::mark() const noexcept {
  for (const Entry& entry : entries_) rb_gc_mark(entry.record);
}

void Context::mark() const noexcept {
  for (const VALUE value : {app, adapter, env_template, empty_input, rack_errors, error_handler, runtime, request_class,
                            response_class, route_tables, host.value, host_name, host_port, remote.value}) {
    rb_gc_mark(value);
  }
  keys.mark();
  follow_ups.mark();
}

}  // namespace hyperion::ruby::rack
