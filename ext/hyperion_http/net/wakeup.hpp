// Ends the wait of an event loop from another thread: an eventfd. Also safe in a signal handler.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace hyperion::net {

class Wakeup {
 public:
  static base::Result<Wakeup> create() noexcept;

  // Any thread, any number of times; several rings before the loop looks count as one.
  void ring() noexcept;
  // The loop's thread: takes the rings so far.
  void clear() noexcept;
  int fd() const noexcept { return fd_.get(); }

 private:
  explicit Wakeup(base::UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  base::GuardedFd fd_;
};

}  // namespace hyperion::net
