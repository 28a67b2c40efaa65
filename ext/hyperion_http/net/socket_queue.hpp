// What a stream socket has not got rid of yet. Linux.
#pragma once

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <cstdint>

namespace hyperion::net {

// TCP: bytes sent and not acknowledged, and those not sent yet. Unix sockets: what the peer has not read, with the
// kernel's own overhead.
inline uint64_t unconfirmed_bytes(int fd) noexcept {
  int bytes = 0;
  if (::ioctl(fd, SIOCOUTQ, &bytes) < 0 || bytes < 0) return 0;
  return static_cast<uint64_t>(bytes);
}

}  // namespace hyperion::net
