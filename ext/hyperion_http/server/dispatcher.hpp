// The door to Ruby, seen from this side: no Ruby type passes here, and the native tests open it to plain C++ threads.
#pragma once

#include "http/exchange.hpp"

namespace hyperion::server {

// A chain of exchanges, in order of arrival, through one of their links. Owns nothing.
template <http::Exchange* http::Exchange::*kLink>
class LinkedExchanges {
 public:
  void push(http::Exchange& exchange) noexcept {
    exchange.*kLink = nullptr;
    (tail_ == nullptr ? head_ : tail_->*kLink) = &exchange;
    tail_ = &exchange;
    ++size_;
  }
  void push(LinkedExchanges&& chain) noexcept {
    if (chain.empty()) return;
    (tail_ == nullptr ? head_ : tail_->*kLink) = chain.head_;
    tail_ = chain.tail_;
    size_ += chain.size_;
    chain = LinkedExchanges{};
  }
  http::Exchange* pop() noexcept {
    http::Exchange* first = head_;
    if (first == nullptr) return nullptr;
    head_ = first->*kLink;
    if (head_ == nullptr) tail_ = nullptr;
    first->*kLink = nullptr;
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

// What is handed from one owner to the next: an exchange is in one such chain at a time.
using ExchangeChain = LinkedExchanges<&http::Exchange::next>;
// Answered, not yet sent: it may still stand in the queue of its answerer, too, who was given up.
using UnsentChain = LinkedExchanges<&http::Exchange::unsent_next>;

class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  // I/O thread. Complete requests for the application, and finished exchanges whose follow-up callbacks are due
  // (Exchange::stage). Each comes back by its kReleased.
  virtual void dispatch(ExchangeChain&& exchanges) noexcept = 0;
  // I/O thread, once in each turn of its loop, when what it has for clients is sent. `sleeping`: it will not look again
  // before something happens, so work that remains must find a thread by itself.
  virtual void turn_ended(bool sleeping) noexcept = 0;
  // I/O thread. An app thread has been busy with this one for too long. `hard`: its answer is not waited for any more,
  // and the thread is to be replaced; else somebody should look what it does.
  virtual void overdue(const http::Exchange& exchange, bool hard) noexcept = 0;
  // Any thread: exchanges dispatched and not taken, less the threads that are free for them. Below zero: so many
  // threads would still be free.
  virtual int64_t pending() const noexcept = 0;
  // I/O thread: it is awake again after turn_ended(true).
  virtual void awake() noexcept = 0;
};

}  // namespace hyperion::server
