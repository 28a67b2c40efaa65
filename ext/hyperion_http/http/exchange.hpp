// One request and its response, shared by two threads with clear turns: the I/O thread fills the request, whoever
// answers fills the response, then the I/O thread sends it. Recycled by the I/O thread that made it.
//
//   I/O thread:  new -> request complete -> dispatched -------------------> answered -> sent -> recycled
//   answerer:                                 \_ takes it, fills response _/ signals, last of all `released`
//
// A client that goes away does not end the answerer's turn: `gone` tells it, and the exchange waits for `released`.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/cache_line.hpp"
#include "base/clock.hpp"
#include "base/counted.hpp"
#include "http/body_pipe.hpp"
#include "http/handoff.hpp"
#include "http/limits.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

namespace hyperion::http {

class Exchange;

// Who answered an exchange, for the log and the counters.
enum class Answerer : uint8_t {
  app,           // the Rack application
  block,         // a block or handler registered for this path
  static_entry,  // a response registered for this path: no Ruby
  admin,         // health, metrics, the order to quit
  server,        // the session or the server itself: an error
};

// The I/O side's letter box. One implementation: the I/O worker in server/.
class Mailbox {
 public:
  // From any thread: the exchange has events to take. Wakes the I/O thread when it sleeps.
  virtual void post(Exchange& exchange) noexcept = 0;
  // From any thread: nobody reads what is posted any more.
  bool closed() const noexcept { return closed_.load(); }
  // I/O thread: before it reads for the last time.
  void close() noexcept { closed_.store(true); }

 protected:
  ~Mailbox() = default;

 private:
  std::atomic<bool> closed_{false};
};

// Who is at the other end, in the words of CGI. Filled once per connection.
struct Origin {
  std::array<char, 46> address{};  // INET6_ADDRSTRLEN
  uint8_t address_size = 0;
  uint8_t local_address_size = 0;
  uint16_t port = 0;
  uint16_t local_port = 0;
  bool secure = false;
  // It came in where the admin paths have a listener of their own.
  bool admin = false;
  // Last, for an application seldom asks for it: see Exchange's members.
  std::array<char, 46> local_address{};

  std::string_view remote() const noexcept { return {address.data(), address_size}; }
  std::string_view local() const noexcept { return {local_address.data(), local_address_size}; }
};

class Exchange {
 public:
  // What the answerer tells the I/O thread. Several may be taken together.
  enum Event : uint32_t {
    kAnswered = 1,   // the response's head may be sent; a body in memory or in a file is complete
    kBody = 2,       // the pipe has something new
    kHints = 4,      // interim responses wait in `hints`
    kHijack = 8,     // the answerer waits in `handoff` for the connection
    kStored = 16,    // the file pool has written a part of the request body (its errno: stored_error)
    kReleased = 32,  // the answerer does not touch the exchange any more
  };

  // What the answerer is to do with it: answer the request; when that is sent or lost, run the callbacks that the
  // application left for afterwards; or, with an exchange that is no request at all, run the hooks of native answers
  // (server/note_queue).
  enum class Stage : uint8_t { request, follow_up, notes };

  explicit Exchange(Mailbox& mailbox) noexcept : mailbox_(mailbox) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // --- The answerer ---

  BodyPipe& open_pipe(const Limits& limits, bool spill) {
    return pipe.emplace(
        BodyPipe::Bounds{limits.response_memory, spill ? limits.response_spill : 0},
        BodyPipe::Notify{[](void* self) noexcept { static_cast<Exchange*>(self)->signal(kBody); }, this});
  }
  // Any thread while the answerer has its turn.
  void signal(uint32_t events) noexcept {
    if (events_.fetch_or(events) == 0) mailbox_.post(*this);
    // Only who keeps it may touch it now, and only these may wait for something.
    constexpr uint32_t kWaits = kAnswered | kHijack;
    if ((events & kWaits) != 0 && (events & kReleased) == 0 && mailbox_.closed()) turn_away(events);
  }
  // The client is gone: an answer has no reader.
  bool gone() const noexcept { return gone_.load(std::memory_order_relaxed); }
  // Where requests may expire in the queue, before anything else is done with it. False: this one has; nothing is left
  // to do but kReleased.
  bool claim() noexcept { return !decided_.exchange(true, std::memory_order_acq_rel); }
  // It took too long: somebody else has told the client so, and the thread will be killed.
  bool overdue() const noexcept { return overdue_.load(std::memory_order_relaxed); }

  // --- The I/O thread ---

  uint32_t take_events() noexcept { return events_.exchange(0, std::memory_order_acq_rel); }
  void set_gone() noexcept { gone_.store(true, std::memory_order_relaxed); }
  void set_overdue() noexcept { overdue_.store(true, std::memory_order_relaxed); }
  // False: it has been claimed. Otherwise it never will be.
  bool expire() noexcept { return !decided_.exchange(true, std::memory_order_acq_rel); }
  void clear() noexcept;
  // Nobody sends the answer: whoever waits for the connection, or for room in the pipe, learns so. Of the I/O thread;
  // after its end of the answerer itself.
  void turn_away(uint32_t events) noexcept;

  // --- Members, by who uses them ---
  //
  // Most exchanges are filled on one core, answered on another and sent on the first, and each line of memory that both
  // use travels with them. So what both need in every exchange stands close together, apart from what only the I/O
  // thread touches and from what few exchanges use.

  // Both threads. The lines behind the first two of `request` and of `response`, and behind the first of `origin`, are
  // not needed in every exchange.
  Request request;
  Response response;

 private:
  Mailbox& mailbox_;
  std::atomic<uint32_t> events_{0};
  std::atomic<bool> gone_{false};
  std::atomic<bool> overdue_{false};
  std::atomic<bool> decided_{false};  // claimed or expired

 public:
  Stage stage = Stage::request;
  // Set by the answerer: taken (which the I/O thread reads at any time; the epoch until then), answered.
  std::atomic<base::Instant> taken{};
  base::Instant answered{};
  // Links for whoever holds the exchange: the mailbox; a queue or a free list; one at a time, except the mailbox.
  Exchange* mail_next = nullptr;
  Exchange* next = nullptr;
  // Answerer::block: which one, by its number in ruby/rack/route_apps.
  uint64_t route = 0;
  Answerer answerer = Answerer::app;
  // Set by the answerer before its first kReleased: it wants the exchange back when the response is sent or lost.
  bool wants_follow_up = false;
  // For the follow-up: the response left whole.
  bool delivered = false;
  alignas(base::kCacheLine) Origin origin;

  // The I/O thread. When the head's first byte came, and when it was complete and dispatched:
  base::Instant began{};
  base::Instant ready{};
  // The route that it was matched with, which may have been replaced meanwhile.
  base::Ref<const base::Counted> held;
  // Another one with each request: tells whether it is still the same that somebody remembers.
  uint64_t serial = 0;
  // The connection's, beside the others.
  Exchange* unsent_next = nullptr;
  // server/request_watch.
  Exchange* watch_previous = nullptr;
  Exchange* watch_next = nullptr;
  // The connection, while it lives.
  void* owner = nullptr;
  // The connection whose share of the application it takes, until `released`, also after the connection has let go of
  // it; null where shares are not limited.
  void* charged_to = nullptr;
  // OutputQueue::appended_total() behind the last byte of the response.
  uint64_t output_end = 0;
  uint64_t response_bytes = 0;  // of its body, for the log
  // Which I/O thread of its server made it, from 0.
  unsigned io_thread = 0;
  int superseded = 0;       // the status that was sent instead of the answerer's response; 0: none was
  bool in_use = false;      // not in a free list
  bool dispatched = false;  // an answerer has it, until `released`
  bool released = false;
  bool answered_seen = false;
  bool storing = false;   // the file pool has a part of its body
  bool spilled = false;   // some of the body is in a file: all of it will be
  bool finished = false;  // logged and counted: sent or lost
  bool watched = false;   // server/request_watch
  bool warned = false;
  // Written by the file pool before kStored.
  int stored_error = 0;

  // Few exchanges. What the application wants in the log line (observe/log_fields), set before kAnswered:
  std::string log_fields;
  // Of a stream. Made by the answerer before it signals kAnswered.
  std::optional<BodyPipe> pipe;
  // Interim responses (103), and the connection itself.
  InterimQueue hints;
  Handoff handoff;
};

}  // namespace hyperion::http
