// The values that the label `path` has: a bounded set that only grows, shared by all I/O threads without a lock. It
// lies in memory that others may map, too: no pointers.
//
//   entries_ -> [hash|text] [0|-] [writing] [hash|text] ...   open addressing, at most half full
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hyperion::observe {

class Paths {
 public:
  // Beyond these a path is `other`, and so is one that is longer.
  static constexpr size_t kMost = 512;
  static constexpr size_t kLongest = 118;

  using Id = uint16_t;
  static constexpr Id kOther = 0;
  // Ids are smaller than this.
  static constexpr size_t kIds = 2 * kMost + 1;

  // Any thread. The text's id, a new one if there is room.
  Id intern(std::string_view text) noexcept;
  // The same, but nothing becomes known by it.
  Id find(std::string_view text) const noexcept;
  // Of an id that one of the two has given; valid as long as the table.
  std::string_view text(Id id) const noexcept;
  size_t size() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::atomic<uint64_t> hash{0};  // kFree, kWriting, or the text's, and then the rest never changes
    uint16_t size = 0;
    std::array<char, kLongest> bytes{};
  };
  static constexpr uint64_t kFree = 0;
  static constexpr uint64_t kWriting = 1;
  static constexpr size_t kSlots = 2 * kMost;
  // What clients choose may collide as it likes: a look-up stays short.
  static constexpr size_t kProbes = 16;

  static uint64_t hash_of(std::string_view text) noexcept;
  bool holds(const Entry& entry, std::string_view text) const noexcept;

  std::atomic<uint32_t> count_{0};
  std::array<Entry, kSlots> entries_;
};

}  // namespace hyperion::observe
