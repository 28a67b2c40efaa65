#include "observe/paths.hpp"

#include <algorithm>
#include <cstring>

namespace hyperion::observe {

constexpr std::string_view kOtherText = "other";

uint64_t Paths::hash_of(std::string_view text) noexcept {
  uint64_t hash = text.size();
  while (!text.empty()) {
    uint64_t piece = 0;
    const size_t size = std::min(text.size(), sizeof piece);
    std::memcpy(&piece, text.data(), size);
    text.remove_prefix(size);
    hash = (hash ^ piece) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32U;
  }
  // Neither kFree nor kWriting.
  return hash | 2U;
}

bool Paths::holds(const Entry& entry, std::string_view text) const noexcept {
  return text == std::string_view{entry.bytes.data(), entry.size};
}

Paths::Id Paths::find(std::string_view text) const noexcept {
  const uint64_t hash = hash_of(text);
  for (size_t i = 0; i < kProbes; ++i) {
    const size_t slot = (hash / 4 + i) % kSlots;
    const uint64_t found = entries_[slot].hash.load(std::memory_order_acquire);
    if (found == kFree) return kOther;
    if (found == hash && holds(entries_[slot], text)) return static_cast<Id>(slot + 1);
  }
  return kOther;
}

Paths::Id Paths::intern(std::string_view text) noexcept {
  if (text.empty() || text.size() > kLongest || text == kOtherText) return kOther;
  const uint64_t hash = hash_of(text);
  for (size_t i = 0; i < kProbes; ++i) {
    const size_t slot = (hash / 4 + i) % kSlots;
    Entry& entry = entries_[slot];
    uint64_t found = entry.hash.load(std::memory_order_acquire);
    if (found == hash && holds(entry, text)) return static_cast<Id>(slot + 1);
    if (found != kFree) continue;
    if (count_.fetch_add(1, std::memory_order_relaxed) >= kMost) {
      count_.fetch_sub(1, std::memory_order_relaxed);
      return kOther;
    }
    if (!entry.hash.compare_exchange_strong(found, kWriting, std::memory_order_acquire)) {
      // Another thread was faster, perhaps with the same text: known the next time.
      count_.fetch_sub(1, std::memory_order_relaxed);
      return kOther;
    }
    entry.size = static_cast<uint16_t>(text.size());
    std::copy(text.begin(), text.end(), entry.bytes.begin());
    entry.hash.store(hash, std::memory_order_release);
    return static_cast<Id>(slot + 1);
  }
  return kOther;
}

std::string_view Paths::text(Id id) const noexcept {
  if (id == kOther) return kOtherText;
  const Entry& entry = entries_[id - 1U];
  return {entry.bytes.data(), entry.size};
}

}  // namespace hyperion::observe
