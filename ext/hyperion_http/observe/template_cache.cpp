#include "observe/template_cache.hpp"

#include <algorithm>
#include <functional>

namespace hyperion::observe {

TemplateCache::Set& TemplateCache::set_of(std::string_view path) noexcept {
  return sets_[std::hash<std::string_view>{}(path) % sets_.size()];
}

TemplateCache::Entry* TemplateCache::entry_of(Set& set, std::string_view path) noexcept {
  for (Entry& entry : set.entries) {
    if (entry.path == path) return &entry;
  }
  return nullptr;
}

Paths::Id TemplateCache::find(std::string_view path, bool ask) {
  learn();
  // Others than printable ASCII are none of a URI's, and would only make the templater stumble.
  const auto shown = [](char c) { return c > ' ' && c < 0x7f; };
  if (path.empty() || path.size() > TemplateQueue::kLongestPath) return Paths::kOther;
  if (!std::all_of(path.begin(), path.end(), shown)) return Paths::kOther;
  Set& set = set_of(path);
  if (const Entry* entry = entry_of(set, path)) return entry->id;
  if (!ask || !queue_.ask(path, io_thread_)) return Paths::kOther;
  set.entries[set.oldest] = {.path = std::string{path}};
  set.oldest = (set.oldest + 1) % kWays;
  return Paths::kOther;
}

void TemplateCache::learn() {
  for (const TemplateQueue::Answer& answer : queue_.take_answers(io_thread_)) {
    Entry* entry = entry_of(set_of(answer.path), answer.path);
    if (entry != nullptr) entry->id = paths_.intern(answer.text);
  }
}

}  // namespace hyperion::observe
