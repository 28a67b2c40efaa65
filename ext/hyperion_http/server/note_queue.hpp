// Native answers whose hooks (Hyperion::Runtime) are still to run on an app thread. The answer has been sent; nobody
// waits for a note, and when more are made than run the oldest are dropped and counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "http/exchange.hpp"

namespace hyperion::server {

class NoteQueue {
 public:
  static constexpr size_t kMost = 1024;
  // True while there are hooks, which are somebody else's to keep; null: there never are any.
  using Wanted = std::shared_ptr<const std::atomic<bool>>;

  explicit NoteQueue(Wanted wanted) noexcept : wanted_(std::move(wanted)) {}

  // --- Any thread ---

  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  bool empty() const noexcept { return waiting_.load(std::memory_order_acquire) == 0; }

  // --- An I/O thread ---

  // Whether the exchange, which is over, is one to tell of.
  bool wants(const http::Exchange& exchange) const noexcept;
  // Takes what is known of request and response, but for the request's body: what waits here stays small.
  void push(http::Exchange& exchange) noexcept;

  // --- An app thread ---

  // The oldest note, put into `carrier`, whose own contents are dropped. False: there is none.
  bool take(http::Exchange& carrier) noexcept;

 private:
  struct Note {
    http::Request request;
    http::Origin origin;
    int status = 0;
    http::FieldList fields;
    // Of a static route: its fields, and who keeps them alive.
    const http::Prepared* prepared = nullptr;
    base::Ref<const base::Counted> held;
  };

  const Wanted wanted_;
  std::atomic<uint64_t> dropped_{0};
  std::atomic<size_t> waiting_{0};  // written with mutex_
  std::mutex mutex_;                // guards the rest; held for no longer than it takes to move one note
  std::vector<Note> ring_;          // made at the first note
  size_t oldest_ = 0;
};

}  // namespace hyperion::server
