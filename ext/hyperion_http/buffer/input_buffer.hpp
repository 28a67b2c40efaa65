// Bytes received and not yet consumed, contiguous, so that a parser sees one view of them.
// A connection without an unfinished message holds no memory here. Not thread-safe: the I/O thread's alone.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/assert.hpp"

namespace hyperion::buffer {

class InputBuffer {
 public:
  size_t size() const noexcept { return end_ - begin_; }
  bool empty() const noexcept { return begin_ == end_; }
  size_t capacity() const noexcept { return capacity_; }
  // Valid until the next append, consume or clear.
  std::string_view view() const noexcept { return {memory_.get() + begin_, size()}; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    reserve(bytes.size());
    std::memcpy(memory_.get() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
  }

  // Drops the first `count` bytes; gives the memory back when none are left.
  void consume(size_t count) noexcept {
    HYPERION_ASSERT(count <= size());
    begin_ += count;
    if (empty()) clear();
  }

  void clear() noexcept {
    memory_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  void reserve(size_t more) {
    if (capacity_ - end_ >= more) return;
    const size_t used = size();
    // Moving the bytes down is enough when at least half of the memory is free in front of them.
    if (begin_ >= capacity_ / 2 && capacity_ - used >= more) {
      std::memmove(memory_.get(), memory_.get() + begin_, used);
    } else {
      size_t wanted = capacity_ < kSmallest ? kSmallest : capacity_ * 2;
      if (wanted < used + more) wanted = used + more;
      auto grown = std::make_unique_for_overwrite<char[]>(wanted);
      if (used > 0) std::memcpy(grown.get(), memory_.get() + begin_, used);
      memory_ = std::move(grown);
      capacity_ = wanted;
    }
    begin_ = 0;
    end_ = used;
  }

  static constexpr size_t kSmallest = 1024;

  std::unique_ptr<char[]> memory_;
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t capacity_ = 0;
};

}  // namespace hyperion::buffer
