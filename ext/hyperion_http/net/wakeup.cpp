#include "net/wakeup.hpp"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>

namespace hyperion::net {

base::Result<Wakeup> Wakeup::create() noexcept {
  base::UniqueFd fd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!fd) return base::Error::os(errno);
  return Wakeup{std::move(fd)};
}

void Wakeup::ring() noexcept {
  const int saved = errno;
  const uint64_t one = 1;
  // EAGAIN means that the counter is full, which wakes the loop as well.
  while (::write(fd_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  errno = saved;
}

void Wakeup::clear() noexcept {
  uint64_t count = 0;
  while (::read(fd_.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
}

}  // namespace hyperion::net
