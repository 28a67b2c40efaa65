// Calls of the kernel that fail because a test says so. They stand beneath both event loops, which know nothing of it:
// the linker puts them in the place of the functions that the loops call (--wrap, in spec/native/CMakeLists.txt).
//
//   epoll     the system call fails
//   io_uring  the operation is submitted as one that does nothing, and its completion carries the error; or the call
//             that submits and waits fails, with nothing submitted
#pragma once

#include <cstdint>

namespace hyperion::test {

enum class Fault : uint8_t {
  wait,
  accept,
  receive,
  send,
  poll,     // io_uring: a poll of any kind
  ring,     // io_uring: making it
  buffers,  // giving it its buffers
  enable,   // enabling it
  count,
};

// What goes wrong on the thread that made it, while it lives. One at a time.
class Faults {
 public:
  Faults();
  ~Faults();
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;

  // The next `times` of them end with `error`, an errno.
  void next(Fault what, int error, int times = 1);
  // So many of them are still to come.
  int left(Fault what) const;
};

}  // namespace hyperion::test
