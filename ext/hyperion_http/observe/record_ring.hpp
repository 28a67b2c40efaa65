// Log records on their way from one thread to the log thread: a ring of bytes with one producer and one consumer. Full
// means that the record is dropped and counted; nobody ever waits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/cache_line.hpp"

namespace hyperion::observe {

class RecordRing {
 public:
  // `capacity`: bytes, a power of two.
  explicit RecordRing(size_t capacity)
      : mask_(capacity - 1), memory_(std::make_unique_for_overwrite<char[]>(capacity)) {}

  // Producer. Joins `parts` to one record. False, and one more dropped, when there is no room.
  bool push(std::span<const std::string_view> parts) noexcept;
  // Consumer. Replaces `record` by the oldest one; false when there is none.
  bool pop(std::string& record);

  bool empty() const noexcept { return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire); }
  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  void copy_in(size_t at, std::string_view bytes) noexcept;
  void copy_out(size_t at, char* to, size_t size) const noexcept;

  size_t mask_;
  std::unique_ptr<char[]> memory_;
  // Positions grow without end; only the producer moves head_, only the consumer tail_.
  alignas(base::kCacheLine) std::atomic<size_t> head_{0};
  std::atomic<uint64_t> dropped_{0};
  alignas(base::kCacheLine) std::atomic<size_t> tail_{0};
};

}  // namespace hyperion::observe
