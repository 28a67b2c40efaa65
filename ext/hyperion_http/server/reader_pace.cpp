#include "server/reader_pace.hpp"

namespace hyperion::server {

using base::ErrorCode;
using base::Instant;

void ReaderPace::begin(Instant now, uint64_t confirmed) noexcept {
  measuring_ = true;
  progress_ = looked_ = window_began_ = now;
  window_confirmed_ = confirmed_ = confirmed;
}

base::Error ReaderPace::look(Instant now, uint64_t confirmed, bool starved) noexcept {
  looked_ = now;
  if (confirmed > confirmed_ || starved) {
    confirmed_ = std::max(confirmed_, confirmed);
    progress_ = now;
  }
  if (limits_.write_timeout != base::Duration::zero() && now - progress_ >= limits_.write_timeout) {
    return ErrorCode::write_timeout;
  }
  const base::Duration passed = now - window_began_;
  if (passed < window()) return {};
  const uint64_t taken = confirmed_ - window_confirmed_;
  const auto seconds = static_cast<uint64_t>(std::chrono::floor<std::chrono::seconds>(passed).count());
  window_began_ = now;
  window_confirmed_ = confirmed_;
  const bool slow = limits_.min_write_rate != 0 && taken / seconds < limits_.min_write_rate && !starved;
  return slow ? ErrorCode::write_too_slow : ErrorCode::none;
}

base::Duration ReaderPace::interval() const noexcept {
  if (limits_.write_timeout != base::Duration::zero()) return limits_.write_timeout / kLooks;
  return limits_.min_write_rate != 0 ? window() / kLooks : base::Duration::zero();
}

Instant ReaderPace::next_look(Instant waiting_since) const noexcept {
  const base::Duration step = interval();
  if (step == base::Duration::zero()) return Instant::max();
  return (measuring_ ? looked_ : waiting_since) + step;
}

}  // namespace hyperion::server
