// Exchanges with news for an I/O thread, from any thread: a lock-free stack whose head also tells whether that thread
// sleeps, so that the wakeup is rung only then, and never missed.
#pragma once

#include <atomic>

#include "base/cache_line.hpp"
#include "http/exchange.hpp"
#include "net/wakeup.hpp"

namespace hyperion::server {

class ExchangeMailbox final : public http::Mailbox {
 public:
  explicit ExchangeMailbox(net::Wakeup& wakeup) noexcept : wakeup_(wakeup) {}

  // Any thread.
  void post(http::Exchange& exchange) noexcept override {
    http::Exchange* head = head_.load(std::memory_order_relaxed);
    do {
      exchange.mail_next = head == asleep() ? nullptr : head;
    } while (!head_.compare_exchange_weak(head, &exchange, std::memory_order_seq_cst, std::memory_order_relaxed));
    if (head == asleep()) wakeup_.ring();
  }

  // --- The I/O thread ---

  // Oldest first, linked by mail_next.
  http::Exchange* take_all() noexcept {
    if (head_.load() == nullptr) return nullptr;  // not before what the caller has stored: see Mailbox::close
    http::Exchange* newest = head_.exchange(nullptr, std::memory_order_seq_cst);
    if (newest == asleep()) return nullptr;
    http::Exchange* oldest = nullptr;
    while (newest != nullptr) {
      http::Exchange* next = newest->mail_next;
      newest->mail_next = oldest;
      oldest = newest;
      newest = next;
    }
    return oldest;
  }
  // False: there is mail, do not sleep. After true every post rings the wakeup once.
  bool fall_asleep() noexcept {
    http::Exchange* empty = nullptr;
    return head_.compare_exchange_strong(empty, asleep(), std::memory_order_seq_cst);
  }
  void wake_up() noexcept {
    http::Exchange* sleeping = asleep();
    head_.compare_exchange_strong(sleeping, nullptr, std::memory_order_seq_cst);
  }

 private:
  // No exchange has this address.
  static http::Exchange* asleep() noexcept { return reinterpret_cast<http::Exchange*>(uintptr_t{1}); }

  net::Wakeup& wakeup_;
  // Every answer changes it, so it has a line of its own: the I/O thread does not wait for it when it uses its
  // neighbours.
  alignas(base::kCacheLine) std::atomic<http::Exchange*> head_{nullptr};
};

}  // namespace hyperion::server
