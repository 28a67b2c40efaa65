// Histograms of request durations by method, path and status, for one I/O thread: a bounded table that only grows. No
// pointers, as in observe/paths.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "http/request.hpp"
#include "observe/histogram.hpp"
#include "observe/paths.hpp"

namespace hyperion::observe {

// 100 to 599, or other.
using StatusIndex = uint16_t;
inline constexpr StatusIndex kOtherStatus = 500;
inline constexpr size_t kStatuses = 501;

constexpr StatusIndex status_index(int status) noexcept {
  return status >= 100 && status < 600 ? static_cast<StatusIndex>(status - 100) : kOtherStatus;
}

class Durations {
 public:
  // More combinations than these are counted without their path, and if need be without anything.
  static constexpr size_t kMost = 768;

  struct Labels {
    http::Method method = http::Method::other;
    Paths::Id path = Paths::kOther;
    StatusIndex status = kOtherStatus;
  };

  // The one writer.
  void observe(Labels labels, base::Duration duration) noexcept;

  // Anyone: `take(Labels, const Histogram&)` for each combination that has occurred.
  template <class Take>
  void each(Take&& take) const {
    for (const Series& series : series_) {
      const uint32_t key = series.key.load(std::memory_order_acquire);
      if (key != 0) take(labels_of(key), series.histogram);
    }
  }

 private:
  struct Series {
    std::atomic<uint32_t> key{0};  // 0: free
    Histogram histogram;
  };
  static constexpr size_t kSlots = 1024;
  static constexpr size_t kProbes = 32;

  static uint32_t key_of(Labels labels) noexcept;
  static Labels labels_of(uint32_t key) noexcept;
  Series* place(Labels labels) noexcept;

  uint32_t count_ = 0;  // the writer's
  // The last one is for what finds no place.
  std::array<Series, kSlots + 1> series_;
};

}  // namespace hyperion::observe
