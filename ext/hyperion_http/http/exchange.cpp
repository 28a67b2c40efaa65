#include "http/exchange.hpp"

#include "base/assert.hpp"

namespace hyperion::http {

void Exchange::turn_away(uint32_t events) noexcept {
  const bool answers = (events & kAnswered) != 0;
  if (answers && pipe) pipe->close();
  if ((events & kHijack) != 0 || (answers && response.body == Response::Body::raw)) {
    handoff.deliver(base::Error{base::ErrorCode::reset_by_peer});
  }
}

void Exchange::clear() noexcept {
  HYPERION_ASSERT(events_.load(std::memory_order_relaxed) == 0);
  request.clear();
  response.clear();
  pipe.reset();
  hints.clear();
  handoff.clear();
  log_fields.clear();
  began = ready = answered = base::Instant{};
  taken.store(base::Instant{}, std::memory_order_relaxed);
  answerer = Answerer::app;
  route = 0;
  held.reset();
  next = unsent_next = nullptr;
  owner = charged_to = nullptr;
  output_end = response_bytes = 0;
  stage = Stage::request;
  wants_follow_up = delivered = false;
  stored_error = 0;
  ++serial;
  superseded = 0;
  dispatched = released = answered_seen = storing = spilled = finished = watched = warned = false;
  for (std::atomic<bool>* flag : {&gone_, &overdue_, &decided_}) flag->store(false, std::memory_order_relaxed);
}

}  // namespace hyperion::http
