#include "observe/snapshot.hpp"

#include <algorithm>
#include <tuple>

namespace hyperion::observe {

template <class Get>
uint64_t Snapshot::sum(Get&& get) const noexcept {
  uint64_t all = 0;
  for (const Shard& shard : area_.shards()) all += get(shard).get();
  return all;
}

uint64_t Snapshot::total(Counter Counters::*which) const noexcept {
  return sum([which](const Shard& shard) -> const Counter& { return shard.counters.*which; });
}

uint64_t Snapshot::connections(ConnectionState state) const noexcept {
  return sum([state](const Shard& shard) -> const Counter& { return shard.connections[static_cast<size_t>(state)]; });
}

uint64_t Snapshot::answered(size_t answerer) const noexcept {
  return sum([answerer](const Shard& shard) -> const Counter& { return shard.answered[answerer]; });
}

uint64_t Snapshot::status(StatusIndex index) const noexcept {
  return sum([index](const Shard& shard) -> const Counter& { return shard.statuses[index]; });
}

HistogramSum Snapshot::total(Histogram Shard::*which) const noexcept {
  HistogramSum all;
  for (const Shard& shard : area_.shards()) all.add(shard.*which);
  return all;
}

std::vector<Snapshot::Series> Snapshot::durations() const {
  std::vector<Series> all;
  const Paths& paths = area_.common().paths;
  const auto rank = [&](const Series& series) {
    return std::tuple{paths.text(series.labels.path), series.labels.method, series.labels.status};
  };
  for (const Shard& shard : area_.shards()) {
    shard.durations.each([&](Durations::Labels labels, const Histogram& histogram) {
      Series& series = all.emplace_back();
      series.labels = labels;
      series.durations.add(histogram);
    });
  }
  std::sort(all.begin(), all.end(), [&](const Series& a, const Series& b) { return rank(a) < rank(b); });
  // The same labels come from several shards.
  size_t last = 0;
  for (size_t i = 1; i < all.size(); ++i) {
    if (rank(all[last]) == rank(all[i])) {
      for (size_t j = 0; j < kBuckets; ++j) all[last].durations.buckets[j] += all[i].durations.buckets[j];
      all[last].durations.nanos += all[i].durations.nanos;
    } else {
      all[++last] = all[i];
    }
  }
  all.resize(all.empty() ? 0 : last + 1);
  return all;
}

}  // namespace hyperion::observe
