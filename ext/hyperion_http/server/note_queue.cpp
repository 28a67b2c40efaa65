#include "server/note_queue.hpp"

namespace hyperion::server {

bool NoteQueue::wants(const http::Exchange& exchange) const noexcept {
  if (wanted_ == nullptr || !wanted_->load(std::memory_order_relaxed)) return false;
  switch (exchange.answerer) {
    // Without a hold the answer began before there were hooks, and its fields may be gone.
    case http::Answerer::static_entry: return static_cast<bool>(exchange.held);
    case http::Answerer::admin: return true;
    case http::Answerer::app:
    case http::Answerer::block:
    case http::Answerer::server: return false;
  }
  return false;
}

void NoteQueue::push(http::Exchange& exchange) noexcept {
  exchange.request.body.clear();
  const std::lock_guard lock{mutex_};
  if (ring_.empty()) ring_ = std::vector<Note>(kMost);
  size_t waiting = waiting_.load(std::memory_order_relaxed);
  if (waiting == kMost) {
    oldest_ = (oldest_ + 1) % kMost;
    --waiting;
    dropped_.fetch_add(1, std::memory_order_relaxed);
  }
  Note& note = ring_[(oldest_ + waiting) % kMost];
  std::swap(note.request, exchange.request);
  std::swap(note.fields, exchange.response.fields);
  note.origin = exchange.origin;
  note.status = exchange.response.status;
  note.prepared = exchange.response.prepared;
  note.held = std::move(exchange.held);
  waiting_.store(waiting + 1, std::memory_order_release);
}

bool NoteQueue::take(http::Exchange& carrier) noexcept {
  carrier.request.clear();
  carrier.response.clear();
  carrier.held.reset();
  const std::lock_guard lock{mutex_};
  const size_t waiting = waiting_.load(std::memory_order_relaxed);
  if (waiting == 0) return false;
  Note& note = ring_[oldest_];
  std::swap(note.request, carrier.request);
  std::swap(note.fields, carrier.response.fields);
  carrier.origin = note.origin;
  carrier.response.status = note.status;
  carrier.response.prepared = std::exchange(note.prepared, nullptr);
  carrier.held = std::move(note.held);
  oldest_ = (oldest_ + 1) % kMost;
  waiting_.store(waiting - 1, std::memory_order_release);
  return true;
}

}  // namespace hyperion::server
