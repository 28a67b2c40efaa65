// The server's own threads: all signals blocked but those that a fault of the thread itself raises, a name for top and
// gdb, and a stack whose size does not depend on the C library (musl's default is 128 KiB).
#pragma once

#include <pthread.h>

#include <functional>

#include "base/result.hpp"

namespace hyperion::base {

class NativeThread {
 public:
  NativeThread() noexcept = default;
  // Runs `body`. `name`: at most 15 bytes. Signals are Ruby's business; SIGPIPE is blocked, too, because sendfile
  // cannot be told not to raise it. Errors: os_error (EAGAIN) when the system allows no further thread.
  static Result<NativeThread> start(const char* name, std::function<void()> body);

  NativeThread(NativeThread&& other) noexcept;
  NativeThread& operator=(NativeThread&& other) noexcept;
  NativeThread(const NativeThread&) = delete;
  NativeThread& operator=(const NativeThread&) = delete;
  // Joined by then.
  ~NativeThread();

  bool joinable() const noexcept { return running_; }
  void join() noexcept;

 private:
  pthread_t thread_{};
  bool running_ = false;
};

}  // namespace hyperion::base
