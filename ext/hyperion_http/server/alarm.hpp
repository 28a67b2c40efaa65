// A timer of an I/O thread's wheel, and what happens then.
#pragma once

#include "net/timer_wheel.hpp"

namespace hyperion::server {

class Alarm : public net::Timer {
 public:
  virtual void on_time() noexcept = 0;

 protected:
  ~Alarm() = default;
};

}  // namespace hyperion::server
