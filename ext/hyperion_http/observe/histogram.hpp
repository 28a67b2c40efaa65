// How often something took how long, in buckets between fixed edges. One writer, any number of readers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/clock.hpp"
#include "observe/metrics.hpp"

namespace hyperion::observe {

// Upper edges in nanoseconds, 50 us to 30 s; what is equal to an edge lies below it. Above the last one is a bucket
// without an edge.
inline constexpr std::array<uint64_t, 18> kEdges = {
    50'000,      100'000,       250'000,       500'000,       1'000'000,      2'500'000,
    5'000'000,   10'000'000,    25'000'000,    50'000'000,    100'000'000,    250'000'000,
    500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000, 30'000'000'000,
};
inline constexpr size_t kBuckets = kEdges.size() + 1;

class Histogram {
 public:
  // A negative duration, of clocks that do not agree, counts as none.
  void observe(base::Duration duration) noexcept {
    const auto nanos = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
    size_t bucket = 0;
    for (const uint64_t edge : kEdges) bucket += nanos > edge ? 1 : 0;
    buckets_[bucket].add();
    nanos_.add(nanos);
  }
  uint64_t bucket(size_t index) const noexcept { return buckets_[index].get(); }
  uint64_t nanos() const noexcept { return nanos_.get(); }

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter nanos_;
};

// What several histograms hold together, at a moment.
struct HistogramSum {
  std::array<uint64_t, kBuckets> buckets{};
  uint64_t nanos = 0;

  void add(const Histogram& histogram) noexcept {
    for (size_t i = 0; i < kBuckets; ++i) buckets[i] += histogram.bucket(i);
    nanos += histogram.nanos();
  }
  uint64_t count() const noexcept {
    uint64_t all = 0;
    for (const uint64_t bucket : buckets) all += bucket;
    return all;
  }
};

}  // namespace hyperion::observe
