// Who may have one more connection: how many there are, and how many of them come from one address, all I/O threads of
// a server together. Asked once per connection; where no limit is set it counts nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "server/address_key.hpp"

namespace hyperion::server {

class Admission {
 public:
  enum class Verdict : uint8_t { admitted, full, full_for_address };

  // 0: no limit.
  Admission(uint64_t most, uint64_t most_per_address);

  // Any thread. Each connection that was admitted leaves, once.
  Verdict enter(const AddressKey& key) noexcept;
  void leave(const AddressKey& key) noexcept;

  // Addresses with a connection: never more than there are connections, and nothing is kept of those without one.
  size_t addresses() const noexcept;

 private:
  // Addresses are their owners' choice to a degree; which of them meet in the table is not.
  struct Hash {
    uint64_t seed;
    size_t operator()(const AddressKey& key) const noexcept;
  };
  bool take_place() noexcept;

  const uint64_t most_;
  const uint64_t most_per_address_;
  std::atomic<uint64_t> count_{0};
  mutable std::mutex mutex_;  // guards the table
  std::unordered_map<AddressKey, uint64_t, Hash> table_;
};

}  // namespace hyperion::server
