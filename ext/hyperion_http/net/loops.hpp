// The event loops that there are, and which of them a server gets.
#pragma once

#include <memory>
#include <string_view>

#include "net/event_loop.hpp"

namespace hyperion::net {

enum class LoopKind : uint8_t { epoll, io_uring };

// What somebody asked for.
enum class LoopWish : uint8_t {
  automatic,        // what measurements favour: io_uring where it works (docs/decisions/0007-event-loops.md)
  epoll,            //
  io_uring,         // nothing else will do
  prefer_io_uring,  // where it works, else epoll
};

// "auto", "epoll", "io_uring", "prefer_io_uring"; automatic for anything else.
LoopWish loop_wish(std::string_view name) noexcept;
// What a wish comes to here and now. Asks the kernel only when it must.
LoopKind choose_loop(LoopWish wish) noexcept;
// Any thread; `enter` is its own thread's business.
base::Result<std::unique_ptr<EventLoop>> make_loop(LoopKind kind);

}  // namespace hyperion::net
