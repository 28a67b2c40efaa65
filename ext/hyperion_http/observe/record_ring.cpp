#include "observe/record_ring.hpp"

#include <algorithm>

namespace hyperion::observe {

void RecordRing::copy_in(size_t at, std::string_view bytes) noexcept {
  if (bytes.empty()) return;  // its data may be null, which memcpy must not be given
  const size_t first = std::min(bytes.size(), mask_ + 1 - (at & mask_));
  std::memcpy(memory_.get() + (at & mask_), bytes.data(), first);
  std::memcpy(memory_.get(), bytes.data() + first, bytes.size() - first);
}

void RecordRing::copy_out(size_t at, char* to, size_t size) const noexcept {
  const size_t first = std::min(size, mask_ + 1 - (at & mask_));
  std::memcpy(to, memory_.get() + (at & mask_), first);
  std::memcpy(to + first, memory_.get(), size - first);
}

bool RecordRing::push(std::span<const std::string_view> parts) noexcept {
  uint32_t size = 0;
  for (std::string_view part : parts) size += static_cast<uint32_t>(part.size());
  const size_t head = head_.load(std::memory_order_relaxed);
  if (head + sizeof size + size - tail_.load(std::memory_order_acquire) > mask_ + 1) {
    dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return false;
  }
  size_t at = head;
  copy_in(at, {reinterpret_cast<const char*>(&size), sizeof size});
  at += sizeof size;
  for (std::string_view part : parts) {
    copy_in(at, part);
    at += part.size();
  }
  head_.store(at, std::memory_order_release);
  return true;
}

bool RecordRing::pop(std::string& record) {
  const size_t tail = tail_.load(std::memory_order_relaxed);
  if (tail == head_.load(std::memory_order_acquire)) return false;
  uint32_t size = 0;
  copy_out(tail, reinterpret_cast<char*>(&size), sizeof size);
  record.resize(size);
  copy_out(tail + sizeof size, record.data(), size);
  tail_.store(tail + sizeof size + size, std::memory_order_release);
  return true;
}

}  // namespace hyperion::observe
