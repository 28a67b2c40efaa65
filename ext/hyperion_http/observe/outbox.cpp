#include "observe/outbox.hpp"

#include <utility>

namespace hyperion::observe {
namespace {

// What a line costs besides its bytes.
constexpr size_t kLineCost = sizeof(Outbox::Line);
// Lines that are handed over at once.
constexpr size_t kMostAtOnce = 256;

}  // namespace

bool Outbox::push(Level level, std::string_view text) noexcept {
  const std::lock_guard lock{mutex_};
  if (closed_ || bytes_ + text.size() + kLineCost > most_) return false;
  waiting_.push_back({level, std::string{text}});
  bytes_ += text.size() + kLineCost;
  changed_.notify_one();
  return true;
}

void Outbox::close() noexcept {
  const std::lock_guard lock{mutex_};
  closed_ = true;
  changed_.notify_all();
}

Outbox::Wake Outbox::take(std::vector<Line>& lines) noexcept {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return closed_ || interrupted_ || !waiting_.empty(); });
  if (std::exchange(interrupted_, false)) return Wake::interrupted;
  if (waiting_.empty()) return Wake::closed;
  while (!waiting_.empty() && lines.size() < kMostAtOnce) {
    bytes_ -= waiting_.front().text.size() + kLineCost;
    lines.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return Wake::lines;
}

void Outbox::interrupt() noexcept {
  const std::lock_guard lock{mutex_};
  interrupted_ = true;
  changed_.notify_all();
}

}  // namespace hyperion::observe
