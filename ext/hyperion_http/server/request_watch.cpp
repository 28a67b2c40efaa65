#include "server/request_watch.hpp"

#include <algorithm>

namespace hyperion::server {

using base::Instant;
using http::Exchange;

void RequestWatch::add(Exchange& exchange) noexcept {
  exchange.watched = true;
  exchange.watch_previous = last_;
  exchange.watch_next = nullptr;
  (last_ == nullptr ? first_ : last_->watch_next) = &exchange;
  last_ = &exchange;
}

void RequestWatch::remove(Exchange& exchange) noexcept {
  if (!std::exchange(exchange.watched, false)) return;
  (exchange.watch_previous == nullptr ? first_ : exchange.watch_previous->watch_next) = exchange.watch_next;
  (exchange.watch_next == nullptr ? last_ : exchange.watch_next->watch_previous) = exchange.watch_previous;
}

Instant RequestWatch::first_look(const Exchange& exchange) const noexcept {
  return std::min(after(exchange.ready, soft_), after(exchange.ready, hard_));
}

RequestWatch::Look RequestWatch::look_at(Exchange& exchange, Instant now) noexcept {
  Instant taken = exchange.taken.load(std::memory_order_acquire);
  if (taken == Instant{}) {
    const Instant expires = after(exchange.ready, hard_);
    // Whenever it is taken from now on, the soft limit is not over before that.
    if (now < expires) return {.found = {}, .again = std::min(expires, after(now, soft_)), .last = true};
    if (exchange.expire()) {
      remove(exchange);
      return {.found = Finding::expired};
    }
    taken = now;  // at this very moment
  }
  if (now >= after(taken, hard_)) {
    remove(exchange);
    return {.found = Finding::overdue};
  }
  Look look{.found = {}, .again = after(taken, hard_)};
  if (exchange.warned) return look;
  if (now < after(taken, soft_)) {
    look.again = std::min(look.again, after(taken, soft_));
  } else if (soft_ != kOff) {
    exchange.warned = true;
    look.found = Finding::slow;
  }
  return look;
}

}  // namespace hyperion::server
