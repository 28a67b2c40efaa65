// A trouble that may come many times a second: its first line is written at once, then one in a while for as long as it
// comes, with how often it came. The I/O thread's alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/timer_wheel.hpp"
#include "observe/log.hpp"
#include "server/alarm.hpp"

namespace hyperion::server {

class Complaint final : public Alarm {
 public:
  static constexpr auto kPause = std::chrono::seconds{5};

  // `text`: what the trouble is, without a stop, with the option that has to do with it.
  Complaint(net::TimerWheel& timers, observe::Log::Source& log, std::string_view component, std::string text)
      : timers_(timers), log_(log), component_(component), text_(std::move(text)) {}

  // `detail` of this time; may be empty.
  void happened(base::Instant now, std::string_view detail = {}) noexcept;
  void on_time() noexcept override;

 private:
  net::TimerWheel& timers_;
  observe::Log::Source& log_;
  const std::string_view component_;
  const std::string text_;
  base::Instant silent_until_{};
  uint64_t untold_ = 0;
};

}  // namespace hyperion::server
