#include "net/loops.hpp"

#include <cerrno>

#include "net/epoll_loop.hpp"
#include "net/uring_probe.hpp"
#ifdef HYPERION_LIBURING
#include "net/uring_loop.hpp"
#endif

namespace hyperion::net {

LoopWish loop_wish(std::string_view name) noexcept {
  if (name == "epoll") return LoopWish::epoll;
  if (name == "io_uring") return LoopWish::io_uring;
  if (name == "prefer_io_uring") return LoopWish::prefer_io_uring;
  return LoopWish::automatic;
}

LoopKind choose_loop(LoopWish wish) noexcept {
  switch (wish) {
    case LoopWish::epoll: return LoopKind::epoll;
    case LoopWish::io_uring: return LoopKind::io_uring;
    case LoopWish::automatic:
    case LoopWish::prefer_io_uring: return probe_uring().usable() ? LoopKind::io_uring : LoopKind::epoll;
  }
  return LoopKind::epoll;
}

base::Result<std::unique_ptr<EventLoop>> make_loop(LoopKind kind) {
  if (kind == LoopKind::epoll) return EpollLoop::create();
#ifdef HYPERION_LIBURING
  return UringLoop::create();
#else
  return base::Error::os(ENOSYS);
#endif
}

}  // namespace hyperion::net
