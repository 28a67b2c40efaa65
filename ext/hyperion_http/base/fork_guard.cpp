#include "base/fork_guard.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace hyperion::base {
namespace {

constexpr size_t kMostFds = size_t{1} << 20;

std::atomic<uint64_t> guarded[kMostFds / 64];
// No descriptor above it was ever guarded: the child need not look at the whole table.
std::atomic<size_t> highest_word{0};
std::atomic<unsigned> generation{0};

void in_child() noexcept {
  generation.fetch_add(1, std::memory_order_relaxed);
  const size_t last = highest_word.load(std::memory_order_relaxed);
  for (size_t word = 0; word <= last; ++word) {
    uint64_t bits = guarded[word].exchange(0, std::memory_order_relaxed);
    while (bits != 0) {
      const int bit = std::countr_zero(bits);
      bits &= bits - 1;
      ::close(static_cast<int>(word * 64) + bit);
    }
  }
}

}  // namespace

void guard_fd(int fd) noexcept {
  const auto number = static_cast<size_t>(fd);
  if (fd < 0 || number >= kMostFds) return;
  guarded[number / 64].fetch_or(uint64_t{1} << (number % 64), std::memory_order_relaxed);
  size_t seen = highest_word.load(std::memory_order_relaxed);
  while (seen < number / 64 && !highest_word.compare_exchange_weak(seen, number / 64, std::memory_order_relaxed)) {
  }
}

void unguard_fd(int fd) noexcept {
  const auto number = static_cast<size_t>(fd);
  if (fd < 0 || number >= kMostFds) return;
  guarded[number / 64].fetch_and(~(uint64_t{1} << (number % 64)), std::memory_order_relaxed);
}

unsigned fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

void install_fork_guard() noexcept {
  static std::once_flag once;
  std::call_once(once, [] { ::pthread_atfork(nullptr, nullptr, in_child); });
}

}  // namespace hyperion::base
