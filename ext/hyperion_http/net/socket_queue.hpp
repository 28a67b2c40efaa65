// What lies in the queues of a stream socket. Linux.
#pragma once

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstdint>

namespace hyperion::net {

// TCP: bytes sent and not acknowledged, and those not sent yet. Unix sockets: what the peer has not read, with the
// kernel's own overhead.
inline uint64_t unconfirmed_bytes(int fd) noexcept {
  int bytes = 0;
  if (::ioctl(fd, SIOCOUTQ, &bytes) < 0 || bytes < 0) return 0;
  return static_cast<uint64_t>(bytes);
}

// Of a socket whose peer has reset it: there are bytes to read first. A unix peer that closes and leaves bytes unread
// makes a reset, too, and what it had sent stays readable; over TCP a reset says that nothing before it matters.
inline bool bytes_before_reset(int fd) noexcept {
  int domain = 0;
  socklen_t size = sizeof domain;
  int bytes = 0;
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
         ::ioctl(fd, SIOCINQ, &bytes) == 0 && bytes > 0;
}

}  // namespace hyperion::net
