#include "server/admission.hpp"

#include <random>

namespace hyperion::server {
namespace {

uint64_t random_seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace

Admission::Admission(uint64_t most, uint64_t most_per_address)
    : most_(most), most_per_address_(most_per_address), table_(0, Hash{random_seed()}) {}

size_t Admission::Hash::operator()(const AddressKey& key) const noexcept {
  // Rounds of shift and multiplication: every bit of the address reaches every bit of the result.
  uint64_t hash = key.bits() ^ seed ^ (key.ipv6() ? 0x9e3779b97f4a7c15 : 0);
  for (const uint64_t odd : {0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53}) {
    hash ^= hash >> 33;
    hash *= odd;
  }
  return hash ^ (hash >> 33);
}

Admission::Verdict Admission::enter(const AddressKey& key) noexcept {
  if (most_per_address_ == 0 || !key.anybody()) return take_place() ? Verdict::admitted : Verdict::full;
  const std::lock_guard lock{mutex_};
  const auto found = table_.find(key);
  if (found != table_.end() && found->second >= most_per_address_) return Verdict::full_for_address;
  if (!take_place()) return Verdict::full;
  ++table_[key];
  return Verdict::admitted;
}

// Never more than there are, not for a moment either: somebody else would be turned away for it.
bool Admission::take_place() noexcept {
  if (most_ == 0) return true;
  uint64_t count = count_.load(std::memory_order_relaxed);
  do {
    if (count >= most_) return false;
  } while (!count_.compare_exchange_weak(count, count + 1, std::memory_order_relaxed));
  return true;
}

void Admission::leave(const AddressKey& key) noexcept {
  if (most_ != 0) count_.fetch_sub(1, std::memory_order_relaxed);
  if (most_per_address_ == 0 || !key.anybody()) return;
  const std::lock_guard lock{mutex_};
  const auto found = table_.find(key);
  if (--found->second > 0) return;
  table_.erase(found);
  // After a crowd has left, its buckets go as well.
  if (table_.empty()) table_.rehash(0);
}

size_t Admission::addresses() const noexcept {
  const std::lock_guard lock{mutex_};
  return table_.size();
}

}  // namespace hyperion::server
