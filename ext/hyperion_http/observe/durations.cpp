#include "observe/durations.hpp"

namespace hyperion::observe {

// 1 | path: 11 bits | method: 4 bits | status: 10 bits
uint32_t Durations::key_of(Labels labels) noexcept {
  static_assert(Paths::kIds <= 1U << 11U && kStatuses <= 1U << 10U);
  return 1U << 31U | uint32_t{labels.path} << 14U | static_cast<uint32_t>(labels.method) << 10U | labels.status;
}

Durations::Labels Durations::labels_of(uint32_t key) noexcept {
  return {.method = static_cast<http::Method>(key >> 10U & 0xfU),
          .path = static_cast<Paths::Id>(key >> 14U & 0x7ffU),
          .status = static_cast<StatusIndex>(key & 0x3ffU)};
}

Durations::Series* Durations::place(Labels labels) noexcept {
  const uint32_t key = key_of(labels);
  const uint32_t start = key * 0x9E3779B1U >> 22U;
  for (size_t i = 0; i < kProbes; ++i) {
    Series& series = series_[(start + i) % kSlots];
    const uint32_t found = series.key.load(std::memory_order_relaxed);
    if (found == key) return &series;
    if (found != 0) continue;
    if (count_ == kMost) return nullptr;
    ++count_;
    series.key.store(key, std::memory_order_release);
    return &series;
  }
  return nullptr;
}

void Durations::observe(Labels labels, base::Duration duration) noexcept {
  Series* series = place(labels);
  if (series == nullptr && labels.path != Paths::kOther) {
    labels.path = Paths::kOther;
    series = place(labels);
  }
  if (series == nullptr) {
    series = &series_.back();
    series->key.store(key_of({}), std::memory_order_release);
  }
  series->histogram.observe(duration);
}

}  // namespace hyperion::observe
