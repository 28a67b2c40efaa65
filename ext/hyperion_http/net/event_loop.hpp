// The one interface between the server and the kernel's way of doing I/O. Completion-shaped: submit an operation,
// collect its completion, because io_uring works so and epoll can imitate it, while the reverse would cost io_uring
// its point. What every loop owes its user is written here; spec/native/net/event_loop_*_test.cpp test it over each
// one.
//
// A loop belongs to one thread, which makes every call; only the Wakeup may be rung from another thread.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "net/wakeup.hpp"

namespace hyperion::net {

// Names one registered descriptor. A handle of a closed descriptor is never mistaken for a later one: the generation
// differs.
struct Handle {
  uint32_t index = UINT32_MAX;
  uint32_t generation = 0;

  bool valid() const noexcept { return index != UINT32_MAX; }
  friend bool operator==(Handle, Handle) noexcept = default;
};

struct Completion {
  enum class Kind : uint8_t {
    accepted,  // result: the new descriptor, which the receiver owns, or -errno (EMFILE and its like; accepting pauses)
    received,  // result: data.size(), 0 at the end of the stream, or -errno, after which nothing more is received
    sent,      // result: bytes taken by the kernel (at least 1), or -errno
    closed,    // result: -1, or after detach the descriptor, which the receiver owns
  };

  Kind kind;
  Handle handle;
  // What the owner gave at registration.
  void* owner = nullptr;
  int64_t result = 0;
  // `received` only; valid during the callback.
  std::string_view data{};
};

class CompletionSink {
 public:
  virtual void on_completion(const Completion& completion) noexcept = 0;

 protected:
  ~CompletionSink() = default;
};

class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // "epoll" or "io_uring": for the banner, the metrics and the tests.
  virtual std::string_view name() const noexcept = 0;

  // Once, by the loop's thread, before anything but add_listener: some kernels' ways bind themselves to a thread.
  virtual base::Status enter() noexcept { return {}; }

  // Registers a listening socket, which stays its caller's. Completions: `accepted` for every connection, once
  // start_accept is called and until stop_accept. After an error accepting has stopped; call start_accept again.
  // A connection that the kernel has taken already may still come after stop_accept, and before the `closed` of close.
  virtual base::Result<Handle> add_listener(int fd, void* owner) = 0;
  virtual void start_accept(Handle listener) noexcept = 0;
  virtual void stop_accept(Handle listener) noexcept = 0;

  // Registers a connected stream socket, which the loop owns from then on.
  virtual base::Result<Handle> add_stream(base::UniqueFd fd, void* owner) = 0;
  // Between start and stop every run of bytes becomes a `received`. What the kernel has already handed over may still
  // come after stop_receive. A reset may be reported at any time, also while receiving is stopped; but never before
  // what a unix peer has sent: that one calls it a reset when somebody closes and leaves bytes unread.
  virtual void start_receive(Handle stream) noexcept = 0;
  virtual void stop_receive(Handle stream) noexcept = 0;
  // One send or send_file may be under way per stream. The memory, and the file, must live until its `sent`; the list
  // of pieces only during the call. Of a long list the loop may take the first ones alone.
  // `more`: further bytes follow at once, so the kernel may wait for them to fill a segment.
  virtual void send(Handle stream, std::span<const iovec> pieces, bool more) noexcept = 0;
  virtual void send_file(Handle stream, int file, uint64_t offset, uint64_t size) noexcept = 0;
  // Bytes that the kernel has taken and the peer has not confirmed, as well as the kernel knows. A system call.
  virtual uint64_t unconfirmed(Handle stream) noexcept = 0;
  // Tells the peer that no more bytes follow.
  virtual void shutdown_send(Handle stream) noexcept = 0;

  // Ends a registration. Operations under way get no completion of their own; `closed` is the last completion of the
  // handle. A stream is shut down before it is closed, for a forked child may hold a copy of the descriptor.
  virtual void close(Handle handle) noexcept = 0;
  // Like close, but the descriptor lives on and comes with `closed`.
  virtual void detach(Handle stream) noexcept = 0;

  // False: run_once has something to deliver at once, and will not wait.
  virtual bool idle() const noexcept = 0;
  // True: the next run_once begins with sends that are on their way to the kernel, and most likely complete there and
  // then.
  virtual bool sends_pending() const noexcept { return false; }
  // Delivers what is complete; waits for something, at most until `deadline`, when nothing is. Returns when something
  // was delivered, the deadline passed, or the wakeup rang.
  virtual void run_once(base::Instant deadline, CompletionSink& sink) noexcept = 0;

  // Ends run_once's wait from any thread, the current or the next one. Whoever rings announces first; the loop's thread
  // looks after run_once has returned.
  virtual Wakeup& wakeup() noexcept = 0;
};

}  // namespace hyperion::net
