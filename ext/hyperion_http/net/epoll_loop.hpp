// EventLoop over edge-triggered epoll: one registration per connection, none per request; an operation is tried at
// once and only what the kernel refuses waits for an event.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <memory>
#include <vector>

#include "net/event_loop.hpp"

namespace hyperion::net {

class EpollLoop final : public EventLoop {
 public:
  static base::Result<std::unique_ptr<EventLoop>> create();
  ~EpollLoop() override;
  EpollLoop(const EpollLoop&) = delete;
  EpollLoop& operator=(const EpollLoop&) = delete;

  std::string_view name() const noexcept override { return "epoll"; }
  base::Result<Handle> add_listener(int fd, void* owner) override;
  void start_accept(Handle listener) noexcept override;
  void stop_accept(Handle listener) noexcept override;
  base::Result<Handle> add_stream(base::UniqueFd fd, void* owner) override;
  void start_receive(Handle stream) noexcept override;
  void stop_receive(Handle stream) noexcept override;
  void send(Handle stream, std::span<const iovec> pieces, bool more) noexcept override;
  void send_file(Handle stream, int file, uint64_t offset, uint64_t size) noexcept override;
  uint64_t unconfirmed(Handle stream) noexcept override;
  void shutdown_send(Handle stream) noexcept override;
  void close(Handle handle) noexcept override;
  void detach(Handle stream) noexcept override;
  bool idle() const noexcept override { return queued_.empty() && ready_.empty(); }
  void run_once(base::Instant deadline, CompletionSink& sink) noexcept override;
  Wakeup& wakeup() noexcept override { return wakeup_; }

 private:
  struct PendingSend;
  struct Slot;

  EpollLoop(base::UniqueFd epoll, Wakeup wakeup);

  Handle take_slot(int fd, void* owner);
  Slot* find(Handle handle) noexcept;
  void make_ready(Slot& slot) noexcept;
  void complete(const Slot& slot, Completion::Kind kind, int64_t result);
  void on_event(const epoll_event& event, CompletionSink& sink) noexcept;
  void accept_some(Slot& listener, CompletionSink& sink) noexcept;
  void receive_some(Slot& stream, CompletionSink& sink) noexcept;
  void try_send(Slot& stream) noexcept;
  void unregister(Slot& slot) noexcept;
  void deliver_queued(CompletionSink& sink) noexcept;

  static constexpr size_t kScratch = 64 * 1024;
  static constexpr size_t kEvents = 256;

  base::GuardedFd epoll_;
  Wakeup wakeup_;
  // Slots never move: completions are delivered while new ones are added.
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<uint32_t> free_slots_;
  // Streams with bytes to receive whose turn has come, and those for the turn after.
  std::vector<Handle> ready_;
  std::vector<Handle> current_;
  std::vector<Completion> queued_;
  std::vector<Completion> delivering_;
  std::array<epoll_event, kEvents> events_;
  std::unique_ptr<char[]> scratch_;
  bool skipped_wait_ = false;
};

}  // namespace hyperion::net
