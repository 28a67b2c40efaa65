// Whom a connection is counted for: an IPv4 address, or the first 64 bits of an IPv6 address, which is what one
// customer of a provider has at least; a limit per single address would be none.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hyperion::server {

class AddressKey {
 public:
  // Nobody: the other end of a unix socket, or a client that is gone already.
  AddressKey() noexcept = default;

  static AddressKey of(const sockaddr_storage& storage) noexcept {
    AddressKey key;
    if (storage.ss_family == AF_INET) {
      key.family_ = Family::ipv4;
      std::memcpy(key.bytes_.data(), &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
    } else if (storage.ss_family == AF_INET6) {
      const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
      // A dual-stack socket shows IPv4 clients as mapped addresses: the same clients.
      const bool mapped = IN6_IS_ADDR_V4MAPPED(&address);
      key.family_ = mapped ? Family::ipv4 : Family::ipv6;
      std::memcpy(key.bytes_.data(), &address.s6_addr[mapped ? 12 : 0], mapped ? 4 : 8);
    }
    return key;
  }

  bool anybody() const noexcept { return family_ != Family::none; }
  // Those 64 bits, and which of the two it is.
  uint64_t bits() const noexcept {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes_.data(), sizeof bits);
    return bits;
  }
  bool ipv6() const noexcept { return family_ == Family::ipv6; }
  friend bool operator==(const AddressKey&, const AddressKey&) noexcept = default;

 private:
  enum class Family : uint8_t { none, ipv4, ipv6 };

  std::array<uint8_t, 8> bytes_{};
  Family family_ = Family::none;
};

}  // namespace hyperion::server
