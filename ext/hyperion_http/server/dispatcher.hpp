// The door to Ruby, seen from this side: no Ruby type passes here, and the native tests open it to plain C++ threads.
#pragma once

#include "http/exchange.hpp"

namespace hyperion::server {

// A chain of exchanges, linked by Exchange::next, in order of arrival. Owns nothing.
class ExchangeChain {
 public:
  void push(http::Exchange& exchange) noexcept {
    exchange.next = nullptr;
    (tail_ == nullptr ? head_ : tail_->next) = &exchange;
    tail_ = &exchange;
    ++size_;
  }
  void push(ExchangeChain&& chain) noexcept {
    if (chain.empty()) return;
    (tail_ == nullptr ? head_ : tail_->next) = chain.head_;
    tail_ = chain.tail_;
    size_ += chain.size_;
    chain = ExchangeChain{};
  }
  http::Exchange* pop() noexcept {
    http::Exchange* first = head_;
    if (first == nullptr) return nullptr;
    head_ = first->next;
    if (head_ == nullptr) tail_ = nullptr;
    first->next = nullptr;
    --size_;
    return first;
  }
  bool empty() const noexcept { return head_ == nullptr; }
  http::Exchange& front() const noexcept { return *head_; }
  size_t size() const noexcept { return size_; }

 private:
  http::Exchange* head_ = nullptr;
  http::Exchange* tail_ = nullptr;
  size_t size_ = 0;
};

class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  // I/O thread. Complete requests for the application, and finished exchanges whose follow-up callbacks are due
  // (Exchange::stage). Each comes back by its kReleased.
  virtual void dispatch(ExchangeChain&& exchanges) noexcept = 0;
  // I/O thread, at the end of each turn of its loop. `sleeping`: it will not look again before something happens, so
  // work that remains must find a thread by itself.
  virtual void turn_ended(bool sleeping) noexcept = 0;
  // I/O thread. An app thread has been busy with this one for too long. `hard`: its answer is not waited for any more,
  // and the thread is to be replaced; else somebody should look what it does.
  virtual void overdue(const http::Exchange& exchange, bool hard) noexcept = 0;
  // Any thread: exchanges dispatched and not taken, less the threads that are free for them. Below zero: so many threads
  // would still be free.
  virtual int64_t pending() const noexcept = 0;
  // I/O thread: it is awake again after turn_ended(true).
  virtual void awake() noexcept = 0;
};

}  // namespace hyperion::server
