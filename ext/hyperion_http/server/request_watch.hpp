// Requests that were handed to the application, and which of them take too long. Knows no clock and no thread: an I/O
// thread tells it what time it is. A request waits in the queue for as long as the hard limit at most, and from the
// moment when an app thread takes it the soft and the hard limit run anew.
#pragma once

#include <utility>

#include "base/clock.hpp"
#include "http/exchange.hpp"

namespace hyperion::server {

class RequestWatch {
 public:
  enum class Finding : uint8_t {
    slow,     // past the soft limit; told once
    overdue,  // past the hard one: not watched any more
    expired,  // no app thread has taken it, and none will: not watched any more
  };

  // 0: no such limit.
  RequestWatch(base::Duration soft, base::Duration hard) noexcept : soft_(soft), hard_(hard) {}

  bool on() const noexcept { return soft_ != kOff || hard_ != kOff; }
  // In the order in which app threads take them; exchange.ready is when it was complete. Its first look is due at
  // first_look(exchange).
  void add(http::Exchange& exchange) noexcept;
  void remove(http::Exchange& exchange) noexcept;
  base::Instant first_look(const http::Exchange& exchange) const noexcept;

  // Calls found(exchange, finding), which may do with this exchange whatever it likes. When to look again:
  // Instant::max() when nothing is watched.
  template <class Found>
  base::Instant look(base::Instant now, Found&& found) noexcept {
    base::Instant again = base::Instant::max();
    for (http::Exchange* exchange = first_; exchange != nullptr;) {
      http::Exchange& one = *std::exchange(exchange, exchange->watch_next);
      Look look = look_at(one, now);
      again = std::min(again, look.again);
      if (look.found) found(one, *look.found);
      if (look.last) break;
    }
    return again;
  }

 private:
  static constexpr base::Duration kOff{0};
  struct Look {
    std::optional<Finding> found;
    base::Instant again = base::Instant::max();
    bool last = false;  // those behind it are in the queue for a shorter time still
  };
  Look look_at(http::Exchange& exchange, base::Instant now) noexcept;
  static base::Instant after(base::Instant since, base::Duration limit) noexcept {
    return limit == kOff ? base::Instant::max() : since + limit;
  }

  const base::Duration soft_;
  const base::Duration hard_;
  http::Exchange* first_ = nullptr;
  http::Exchange* last_ = nullptr;
};

}  // namespace hyperion::server
