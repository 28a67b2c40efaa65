// EventLoop over io_uring: one multishot accept per listener, one multishot receive per stream into a ring of provided
// buffers, sends submitted together; what a turn of the loop submits goes to the kernel in the one call that also
// waits. Needs Linux 5.19, better 6.1; net/uring_probe tells whether it works here and now. Files leave by sendfile,
// which measured best (docs/decisions/0007-event-loops.md).
#pragma once

#include <liburing.h>

#include <memory>
#include <thread>
#include <vector>

#include "net/event_loop.hpp"

namespace hyperion::net {

class UringLoop final : public EventLoop {
 public:
  // Powers of two, all of them. Small ones are for tests: a ring that overflows, buffers that run out.
  struct Sizes {
    unsigned submissions = 1024;
    unsigned completions = 4096;
    // Memory for what was received and is not delivered yet. With none left, receiving pauses until the next turn.
    unsigned buffers = 512;
    unsigned buffer_bytes = 8 * 1024;
    // SINGLE_ISSUER and DEFER_TASKRUN (Linux 6.1): false does without, as an older kernel must.
    bool defer = true;
  };

  // Any thread. The ring is disabled until `enter`: the kernel binds it to the thread that enables it.
  static base::Result<std::unique_ptr<EventLoop>> create();
  static base::Result<std::unique_ptr<EventLoop>> create(const Sizes& sizes);
  ~UringLoop() override;
  UringLoop(const UringLoop&) = delete;
  UringLoop& operator=(const UringLoop&) = delete;

  std::string_view name() const noexcept override { return "io_uring"; }
  base::Status enter() noexcept override;
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
  bool idle() const noexcept override;
  bool sends_pending() const noexcept override { return sends_pending_; }
  void run_once(base::Instant deadline, CompletionSink& sink) noexcept override;
  Wakeup& wakeup() noexcept override { return wakeup_; }

  // For tests and measurements: calls of io_uring_enter so far, and receives that were armed.
  uint64_t enters() const noexcept { return enters_; }
  uint64_t receives_armed() const noexcept { return receives_armed_; }
  int ring_fd() const noexcept { return ring_.ring_fd; }

 private:
  struct Slot;
  struct Sending;
  // What a completion belongs to; in the low bits of its user_data.
  enum class Op : uint8_t { ignored, wakeup, accept, receive, poll_in, send, poll_out, poll_end };

  UringLoop(Wakeup wakeup, const Sizes& sizes) noexcept;

  base::Status make_ring() noexcept;
  base::Status make_buffers() noexcept;
  Handle take_slot(int fd, void* owner);
  Slot* find(Handle handle) noexcept;
  io_uring_sqe* submission(Op op, Handle handle) noexcept;
  // A submission whose end the slot waits for.
  io_uring_sqe* begin(Slot& slot, Op op) noexcept;
  void arm_wakeup() noexcept;
  void arm_accept(Slot& slot) noexcept;
  void arm_receive(Slot& slot) noexcept;
  void poll_for_bytes(Slot& slot) noexcept;
  void poll_for_room(Slot& slot) noexcept;
  void watch_for_end(Slot& slot) noexcept;
  void cancel(Slot& slot, Op op) noexcept;
  void cancel_standing(Slot& slot) noexcept;
  void cancel_all(Slot& slot) noexcept;
  void mark_changed(Slot& slot);
  void apply_changes() noexcept;
  void submit_send(Slot& slot) noexcept;
  void try_file(Slot& slot) noexcept;
  void complete_send(Slot& slot, int64_t result) noexcept;
  void end_when_quiet(Slot& slot) noexcept;
  void complete(const Slot& slot, Completion::Kind kind, int64_t result);
  bool kernel_has_news() const noexcept;
  void wait(base::Instant deadline) noexcept;
  void collect(CompletionSink& sink) noexcept;
  void on_cqe(const io_uring_cqe& cqe, CompletionSink& sink) noexcept;
  void on_accept(Slot& slot, const io_uring_cqe& cqe, CompletionSink& sink) noexcept;
  void on_receive(Slot& slot, const io_uring_cqe& cqe, CompletionSink& sink) noexcept;
  void on_sent(Slot& slot, int32_t result) noexcept;
  void on_writable(Slot& slot) noexcept;
  void on_end(Slot& slot, int32_t result) noexcept;
  void deliver_queued(CompletionSink& sink) noexcept;
  char* buffer(unsigned id) const noexcept { return buffer_memory_ + size_t{id} * sizes_.buffer_bytes; }
  void lend_buffer(unsigned id, unsigned place) noexcept;
  void finish_everything() noexcept;

  const Sizes sizes_;
  Wakeup wakeup_;
  io_uring ring_{};
  bool ring_made_ = false;
  bool deferred_ = false;  // completions wait until this thread asks for them
  std::thread::id owner_;  // the thread that enabled the ring
  // Mapped, shared with the kernel; not there in a forked child.
  io_uring_buf_ring* buffers_ = nullptr;
  char* buffer_memory_ = nullptr;
  // Slots never move: completions are delivered while new ones are added.
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<uint32_t> free_slots_;
  // Started or stopped in this turn, or to be armed again.
  std::vector<uint32_t> changed_;
  bool sends_pending_ = false;
  bool short_of_buffers_ = false;  // some of them found none
  std::vector<Completion> queued_;
  std::vector<Completion> delivering_;
  size_t under_way_ = 0;  // of all slots
  uint64_t enters_ = 0;
  uint64_t receives_armed_ = 0;
};

}  // namespace hyperion::net
