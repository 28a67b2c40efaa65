// All numbers of one server as one run of memory without pointers, which the caller places: private in one process, a
// shared mapping between several. Each I/O thread writes its own shard; whoever reads stops nobody.
//
//   [Common | Shard | Shard | ...]
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/cache_line.hpp"
#include "observe/durations.hpp"
#include "observe/histogram.hpp"
#include "observe/metrics.hpp"
#include "observe/paths.hpp"

namespace hyperion::observe {

// What a connection does, seen from the end of a turn of its loop.
enum class ConnectionState : uint8_t {
  idle,     // between requests
  reading,  // a request is arriving
  waiting,  // a request is being answered
  writing,  // a response is leaving
  closing,  // nothing more is expected of it
  count,
};
inline constexpr size_t kConnectionStates = static_cast<size_t>(ConnectionState::count);

// As many as http::Answerer has.
inline constexpr size_t kAnswerers = 5;

struct alignas(base::kCacheLine) Shard {
  Counters counters;
  std::array<Counter, kConnectionStates> connections;
  std::array<Counter, kAnswerers> answered;  // by http::Answerer
  std::array<Counter, kStatuses> statuses;   // by StatusIndex
  Histogram queue;
  Histogram lock_wait;
  Histogram app;
  Durations durations;
};

// Written by any thread.
struct alignas(base::kCacheLine) Common {
  std::atomic<uint64_t> app_errors{0};
  Paths paths;
};

static_assert(std::atomic<uint64_t>::is_always_lock_free, "the numbers may be shared between processes");
static_assert(std::is_trivially_destructible_v<Shard> && std::is_trivially_destructible_v<Common>);
static_assert(std::is_standard_layout_v<Shard> && std::is_standard_layout_v<Common>);

class Area {
 public:
  static size_t bytes_for(size_t shards) noexcept { return sizeof(Common) + shards * sizeof(Shard); }

  // In memory of that size, aligned to 64 bytes, which outlives it. Every number is 0.
  static Area make(void* memory, size_t shards) noexcept {
    auto* common = std::construct_at(static_cast<Common*>(memory));
    auto* first = reinterpret_cast<Shard*>(common + 1);
    for (size_t i = 0; i < shards; ++i) std::construct_at(first + i);
    return {common, {first, shards}};
  }

  Common& common() const noexcept { return *common_; }
  std::span<Shard> shards() const noexcept { return shards_; }

 private:
  Area(Common* common, std::span<Shard> shards) noexcept : common_(common), shards_(shards) {}

  Common* common_;
  std::span<Shard> shards_;
};

// One of a process's own.
class PrivateArea {
 public:
  explicit PrivateArea(size_t shards)
      : memory_(static_cast<std::byte*>(::operator new(Area::bytes_for(shards), kAlignment))),
        area_(Area::make(memory_.get(), shards)) {}

  const Area& get() const noexcept { return area_; }

 private:
  static constexpr std::align_val_t kAlignment{alignof(Shard)};
  struct Free {
    void operator()(std::byte* memory) const noexcept { ::operator delete(memory, kAlignment); }
  };

  std::unique_ptr<std::byte, Free> memory_;
  Area area_;
};

}  // namespace hyperion::observe
