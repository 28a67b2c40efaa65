// The numbers of all shards of an area together, at a moment: read without stopping anybody, so one number may be of a
// microsecond later than the other.
#pragma once

#include <vector>

#include "observe/area.hpp"

namespace hyperion::observe {

class Snapshot {
 public:
  struct Series {
    Durations::Labels labels;
    HistogramSum durations;
  };

  explicit Snapshot(const Area& area) noexcept : area_(area) {}

  uint64_t total(Counter Counters::*which) const noexcept;
  uint64_t connections(ConnectionState state) const noexcept;
  uint64_t answered(size_t answerer) const noexcept;
  uint64_t status(StatusIndex index) const noexcept;
  HistogramSum total(Histogram Shard::*which) const noexcept;
  // Ordered by path, method and status.
  std::vector<Series> durations() const;

 private:
  template <class Get>
  uint64_t sum(Get&& get) const noexcept;

  const Area& area_;
};

}  // namespace hyperion::observe
