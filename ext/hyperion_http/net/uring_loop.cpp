#ifdef HYPERION_LIBURING

#include "net/uring_loop.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "base/assert.hpp"
#include "base/fork_guard.hpp"
#include "net/socket_queue.hpp"

namespace hyperion::net {

// A send under way: the kernel reads the list of pieces when it is submitted, which is after the call that gave it.
struct UringLoop::Sending {
  static constexpr size_t kMost = 64;

  msghdr message{};
  std::array<iovec, kMost> pieces;
  size_t count = 0;
  int flags = 0;
  // A file on its way; -1: memory.
  int file = -1;
  uint64_t offset = 0;
  uint64_t size = 0;
};

struct UringLoop::Slot {
  uint32_t index = 0;
  uint32_t generation = 0;
  int fd = -1;             // of a listener: borrowed
  base::GuardedFd stream;  // of a stream: the same, owned
  void* owner = nullptr;
  unsigned under_way = 0;  // operations whose last completion has not come
  bool listener = false;
  bool active = false;      // start_accept or start_receive is in force
  bool armed = false;       // the multishot operation, or a poll in its place, is with the kernel
  bool polling = false;     // it is the poll
  bool cancelling = false;  // its cancellation is with the kernel
  bool changed = false;     // in `changed_`
  bool blocked = false;     // the kernel refused to wait for bytes: poll for them
  bool ended = false;       // end of stream or an error was delivered
  bool heard = false;       // bytes have come
  bool served = false;      // the receive under way, or the last one, has found bytes
  bool watching = false;    // a poll for the end of the connection is with the kernel
  bool hung_up = false;     // it has told of the end
  bool stale = false;       // the receive under way may have missed that: it is to be begun anew
  bool sending = false;
  Op send_op = Op::send;   // what is with the kernel while sending: the send, or a poll for room
  bool closing = false;    // nothing but `closed` is delivered any more
  bool detaching = false;  // the same, once the kernel has let go of the descriptor
  bool end_queued = false;
  std::unique_ptr<Sending> state;

  Handle handle() const noexcept { return {index, generation}; }
  // Ready for another descriptor, under another generation. What a send needs is kept.
  void renew() noexcept;
};

namespace {

// user_data: index of the slot, its generation, the operation.
constexpr unsigned kOpBits = 4;
constexpr uint32_t kGenerations = (1U << (32 - kOpBits)) - 1;
constexpr uint16_t kBufferGroup = 0;
// One sendfile call at most moves this much, so that a fast reader of a large file leaves time for the others.
constexpr uint64_t kFileStep = 512 * 1024;
// The kernel's length of a send is 32 bits wide, and it takes no more than 2 GiB at once.
constexpr size_t kSendStep = size_t{1} << 30;

uint64_t token_of(uint8_t op, Handle handle) noexcept {
  return (uint64_t{handle.index} << 32) | (uint64_t{handle.generation} << kOpBits) | op;
}

// Of an error that says nothing about the socket: the operation is begun again.
bool is_passing(int32_t result) noexcept { return result == -ECANCELED || result == -EINTR || result == -ENOBUFS; }

bool is_passing_for_accept(int32_t result) noexcept {
  switch (-result) {
    case ECANCELED:
    case EAGAIN:
    // The connection died before it was taken (Linux also reports pending network errors here).
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default: return result >= 0;
  }
}

void* map_memory(size_t size) noexcept {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  // A forked child has no business there; and copying on write would take the pages away from the kernel.
  ::madvise(memory, size, MADV_DONTFORK);
  return memory;
}

}  // namespace

void UringLoop::Slot::renew() noexcept {
  const uint32_t own_index = index;
  const uint32_t next = (generation + 1) & kGenerations;
  std::unique_ptr<Sending> kept = std::move(state);
  *this = Slot{};
  index = own_index;
  generation = next;
  state = std::move(kept);
}

// --- Set-up ---

UringLoop::UringLoop(Wakeup wakeup, const Sizes& sizes) noexcept : sizes_(sizes), wakeup_(std::move(wakeup)) {}

base::Result<std::unique_ptr<EventLoop>> UringLoop::create() { return create(Sizes{}); }

base::Result<std::unique_ptr<EventLoop>> UringLoop::create(const Sizes& sizes) {
  auto wakeup = Wakeup::create();
  if (!wakeup) return wakeup.error();
  std::unique_ptr<UringLoop> loop{new UringLoop{std::move(wakeup).value(), sizes}};
  if (auto status = loop->make_ring(); !status) return status.error();
  if (auto status = loop->make_buffers(); !status) return status.error();
  return std::unique_ptr<EventLoop>{std::move(loop)};
}

base::Status UringLoop::make_ring() noexcept {
  constexpr unsigned kAlways = IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                               IORING_SETUP_CLAMP | IORING_SETUP_TASKRUN_FLAG;
  // Completions are worked on when the thread asks for them: at best in its own calls alone (6.1), else in any (5.19).
  constexpr unsigned kDefer = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  int error = -EINVAL;
  for (const unsigned flags : {kDefer, unsigned{IORING_SETUP_COOP_TASKRUN}}) {
    if (error != -EINVAL || (flags == kDefer && !sizes_.defer)) continue;
    io_uring_params params{};
    params.flags = kAlways | flags;
    params.cq_entries = sizes_.completions;
    error = ::io_uring_queue_init_params(sizes_.submissions, &ring_, &params);
    deferred_ = flags == kDefer;
  }
  if (error < 0) return base::Error::os(-error);
  ring_made_ = true;
  base::guard_fd(ring_.ring_fd);
  ::io_uring_ring_dontfork(&ring_);
  return {};
}

// By hand: liburing 2.3 has no function for it.
base::Status UringLoop::make_buffers() noexcept {
  buffers_ = static_cast<io_uring_buf_ring*>(map_memory(sizes_.buffers * sizeof(io_uring_buf)));
  buffer_memory_ = static_cast<char*>(map_memory(size_t{sizes_.buffers} * sizes_.buffer_bytes));
  if (buffers_ == nullptr || buffer_memory_ == nullptr) return base::Error::os(ENOMEM);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(buffers_);
  registration.ring_entries = sizes_.buffers;
  registration.bgid = kBufferGroup;
  if (const int error = ::io_uring_register_buf_ring(&ring_, &registration, 0); error < 0) {
    return base::Error::os(-error);
  }
  ::io_uring_buf_ring_init(buffers_);
  for (unsigned i = 0; i < sizes_.buffers; ++i) lend_buffer(i, i);
  ::io_uring_buf_ring_advance(buffers_, static_cast<int>(sizes_.buffers));
  return {};
}

void UringLoop::lend_buffer(unsigned id, unsigned place) noexcept {
  ::io_uring_buf_ring_add(buffers_, buffer(id), sizes_.buffer_bytes, static_cast<uint16_t>(id),
                          ::io_uring_buf_ring_mask(sizes_.buffers), static_cast<int>(place));
}

base::Status UringLoop::enter() noexcept {
  // Not io_uring_enable_rings, which the shared library of liburing 2.3 forgot to export.
  const int error = ::io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  if (error < 0) return base::Error::os(-error);
  // Saves a look-up for each call of the kernel (5.18); it works without.
  ::io_uring_register_ring_fd(&ring_);
  owner_ = std::this_thread::get_id();
  arm_wakeup();
  return {};
}

UringLoop::~UringLoop() {
  for (auto& slot : slots_) {
    if (slot->stream) ::shutdown(slot->fd, SHUT_RDWR);
  }
  if (ring_made_) {
    finish_everything();
    base::unguard_fd(ring_.ring_fd);
    ::io_uring_queue_exit(&ring_);
  }
  if (buffers_ != nullptr) ::munmap(buffers_, sizes_.buffers * sizeof(io_uring_buf));
  if (buffer_memory_ != nullptr) ::munmap(buffer_memory_, size_t{sizes_.buffers} * sizes_.buffer_bytes);
  // Detached, but never delivered.
  for (const Completion& completion : queued_) {
    if (completion.kind == Completion::Kind::closed) base::UniqueFd{static_cast<int>(completion.result)}.reset();
  }
}

// The kernel ends a ring some time after its descriptor was closed; what its operations hold (a port, the memory of
// a send) must be free when the destructor returns.
void UringLoop::finish_everything() noexcept {
  if (under_way_ == 0 || owner_ != std::this_thread::get_id()) return;
  struct Nobody final : CompletionSink {
    void on_completion(const Completion& completion) noexcept override {
      if (completion.result >= 0 && completion.kind == Completion::Kind::accepted) {
        base::UniqueFd{static_cast<int>(completion.result)}.reset();
      }
    }
  } nobody;
  for (auto& slot : slots_) slot->closing = true;
  ::io_uring_prep_cancel64(submission(Op::ignored, {0, 0}), 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  const base::Instant end = base::now() + std::chrono::seconds{1};
  while (under_way_ > 0 && base::now() < end) {
    wait(end);
    collect(nobody);
  }
}

// --- Slots and submissions ---

Handle UringLoop::take_slot(int fd, void* owner) {
  if (free_slots_.empty()) {
    auto slot = std::make_unique<Slot>();
    slot->index = static_cast<uint32_t>(slots_.size());
    slots_.push_back(std::move(slot));
    free_slots_.reserve(slots_.size());
    free_slots_.push_back(static_cast<uint32_t>(slots_.size() - 1));
  }
  Slot& slot = *slots_[free_slots_.back()];
  free_slots_.pop_back();
  slot.fd = fd;
  slot.owner = owner;
  return slot.handle();
}

UringLoop::Slot* UringLoop::find(Handle handle) noexcept {
  if (handle.index >= slots_.size()) return nullptr;
  Slot* slot = slots_[handle.index].get();
  const bool there = slot->generation == handle.generation && slot->fd >= 0 && !slot->closing && !slot->detaching;
  return there ? slot : nullptr;
}

// What is queued goes to the kernel when there is no room for more.
io_uring_sqe* UringLoop::submission(Op op, Handle handle) noexcept {
  io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
  while (entry == nullptr) {
    ++enters_;
    // An error means that the kernel is short of memory for a moment; nobody can go on without it.
    if (::io_uring_submit(&ring_) < 0) std::this_thread::yield();
    entry = ::io_uring_get_sqe(&ring_);
  }
  // liburing's io_uring_prep_... leave it alone.
  ::io_uring_sqe_set_data64(entry, token_of(static_cast<uint8_t>(op), handle));
  return entry;
}

io_uring_sqe* UringLoop::begin(Slot& slot, Op op) noexcept {
  ++slot.under_way;
  ++under_way_;
  return submission(op, slot.handle());
}

// The counter is never read: a multishot poll tells of every write, also while it is above zero (5.13).
void UringLoop::arm_wakeup() noexcept {
  ::io_uring_prep_poll_multishot(submission(Op::wakeup, {0, 0}), wakeup_.fd(), POLLIN);
}

void UringLoop::arm_accept(Slot& slot) noexcept {
  slot.armed = true;
  ::io_uring_prep_multishot_accept(begin(slot, Op::accept), slot.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void UringLoop::arm_receive(Slot& slot) noexcept {
  slot.armed = true;
  slot.served = false;
  ++receives_armed_;
  io_uring_sqe* entry = begin(slot, Op::receive);
  // Where completions cannot be deferred, a stream that always has bytes would fill every buffer between two turns. And
  // once the end is in sight no receive may wait for it.
  if (deferred_ && !slot.hung_up) {
    ::io_uring_prep_recv_multishot(entry, slot.fd, nullptr, 0, 0);
  } else {
    ::io_uring_prep_recv(entry, slot.fd, nullptr, sizes_.buffer_bytes, 0);
  }
  entry->flags |= IOSQE_BUFFER_SELECT;
  entry->buf_group = kBufferGroup;
}

void UringLoop::poll_for_bytes(Slot& slot) noexcept {
  slot.armed = slot.polling = true;
  ::io_uring_prep_poll_add(begin(slot, Op::poll_in), slot.fd, POLLIN);
}

// A multishot receive that has found bytes goes on waiting for more. If the connection was reset before it found them,
// nothing wakes it again: the error is part of the wake-up that it has just used up. Linux 6.18 loses it where more
// than 32 buffers of bytes wait with the reset. A poll that asks for nothing but the end is not woken by bytes, and one
// lasts as long as the connection.
void UringLoop::watch_for_end(Slot& slot) noexcept {
  slot.watching = true;
  ::io_uring_prep_poll_add(begin(slot, Op::poll_end), slot.fd, POLLRDHUP);
}

void UringLoop::poll_for_room(Slot& slot) noexcept {
  slot.send_op = Op::poll_out;
  ::io_uring_prep_poll_add(begin(slot, Op::poll_out), slot.fd, POLLOUT);
}

void UringLoop::cancel(Slot& slot, Op op) noexcept {
  io_uring_sqe* entry = submission(Op::ignored, {0, 0});
  ::io_uring_prep_cancel64(entry, token_of(static_cast<uint8_t>(op), slot.handle()), 0);
  entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

// What was armed to go on and on: the accept, the receive, or the poll in its place.
void UringLoop::cancel_standing(Slot& slot) noexcept {
  if (!slot.armed || std::exchange(slot.cancelling, true)) return;
  cancel(slot, slot.listener ? Op::accept : slot.polling ? Op::poll_in : Op::receive);
}

void UringLoop::cancel_all(Slot& slot) noexcept {
  cancel_standing(slot);
  if (slot.sending) cancel(slot, slot.send_op);
  if (slot.watching) cancel(slot, Op::poll_end);
}

// Starting and stopping take effect at the end of the turn: one that is taken back costs nothing, and what has to
// be armed again finds its buffers given back.
void UringLoop::mark_changed(Slot& slot) {
  if (std::exchange(slot.changed, true)) return;
  changed_.push_back(slot.index);
}

void UringLoop::apply_changes() noexcept {
  // Who found no buffer goes before those that had one: otherwise the first stream would take them all, in every turn.
  if (std::exchange(short_of_buffers_, false)) {
    std::stable_partition(changed_.begin(), changed_.end(), [&](uint32_t index) { return !slots_[index]->served; });
  }
  for (const uint32_t index : changed_) {
    Slot& slot = *slots_[index];
    slot.changed = false;
    if (slot.fd < 0 || slot.closing || slot.detaching || slot.ended) continue;
    if (deferred_ && slot.heard && !slot.watching && !slot.hung_up) watch_for_end(slot);
    if (!slot.active || slot.stale) {
      cancel_standing(slot);
    } else if (!slot.armed) {
      slot.listener ? arm_accept(slot) : slot.blocked ? poll_for_bytes(slot) : arm_receive(slot);
    }
  }
  changed_.clear();
}

void UringLoop::complete(const Slot& slot, Completion::Kind kind, int64_t result) {
  queued_.push_back({.kind = kind, .handle = slot.handle(), .owner = slot.owner, .result = result});
}

// --- The interface ---

base::Result<Handle> UringLoop::add_listener(int fd, void* owner) {
  const Handle handle = take_slot(fd, owner);
  slots_[handle.index]->listener = true;
  return handle;
}

void UringLoop::start_accept(Handle listener) noexcept {
  Slot* slot = find(listener);
  if (slot == nullptr || slot->active) return;
  slot->active = true;
  mark_changed(*slot);
}

void UringLoop::stop_accept(Handle listener) noexcept {
  Slot* slot = find(listener);
  if (slot == nullptr || !slot->active) return;
  slot->active = false;
  mark_changed(*slot);
}

base::Result<Handle> UringLoop::add_stream(base::UniqueFd fd, void* owner) {
  const Handle handle = take_slot(fd.get(), owner);
  slots_[handle.index]->stream = base::GuardedFd{std::move(fd)};
  return handle;
}

void UringLoop::start_receive(Handle stream) noexcept {
  Slot* slot = find(stream);
  if (slot == nullptr || slot->active || slot->ended) return;
  slot->active = true;
  mark_changed(*slot);
}

void UringLoop::stop_receive(Handle stream) noexcept {
  Slot* slot = find(stream);
  if (slot == nullptr || !slot->active) return;
  slot->active = false;
  mark_changed(*slot);
}

void UringLoop::send(Handle stream, std::span<const iovec> pieces, bool more) noexcept {
  Slot* slot = find(stream);
  if (slot == nullptr) return;
  HYPERION_ASSERT(!slot->sending && !pieces.empty());
  if (slot->state == nullptr) slot->state = std::make_unique<Sending>();
  Sending& sending = *slot->state;
  sending.file = -1;
  sending.count = std::min(pieces.size(), Sending::kMost);
  std::copy_n(pieces.begin(), sending.count, sending.pieces.begin());
  // The rest of a long list is the next send's, like that of any partial one.
  sending.flags = MSG_NOSIGNAL | (more || pieces.size() > sending.count ? MSG_MORE : 0);
  slot->sending = true;
  submit_send(*slot);
}

void UringLoop::submit_send(Slot& slot) noexcept {
  Sending& sending = *slot.state;
  io_uring_sqe* entry = begin(slot, Op::send);
  sends_pending_ = true;
  slot.send_op = Op::send;
  if (sending.count == 1) {
    const iovec& piece = sending.pieces[0];
    ::io_uring_prep_send(entry, slot.fd, piece.iov_base, std::min(piece.iov_len, kSendStep), sending.flags);
    return;
  }
  sending.message = msghdr{};
  sending.message.msg_iov = sending.pieces.data();
  sending.message.msg_iovlen = sending.count;
  ::io_uring_prep_sendmsg(entry, slot.fd, &sending.message, static_cast<unsigned>(sending.flags));
}

void UringLoop::send_file(Handle stream, int file, uint64_t offset, uint64_t size) noexcept {
  Slot* slot = find(stream);
  if (slot == nullptr) return;
  HYPERION_ASSERT(!slot->sending && size > 0);
  if (slot->state == nullptr) slot->state = std::make_unique<Sending>();
  slot->state->file = file;
  slot->state->offset = offset;
  slot->state->size = size;
  slot->sending = true;
  try_file(*slot);
}

void UringLoop::try_file(Slot& slot) noexcept {
  Sending& sending = *slot.state;
  ssize_t sent = 0;
  do {
    auto offset = static_cast<off_t>(sending.offset);
    sent = ::sendfile(slot.fd, sending.file, &offset, std::min(sending.size, kFileStep));
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno == EAGAIN) return poll_for_room(slot);
  // The file is shorter than it was: the promised bytes cannot come any more.
  if (sent == 0) return complete_send(slot, -EIO);
  complete_send(slot, sent < 0 ? -errno : sent);
}

void UringLoop::complete_send(Slot& slot, int64_t result) noexcept {
  slot.sending = false;
  complete(slot, Completion::Kind::sent, result);
}

uint64_t UringLoop::unconfirmed(Handle stream) noexcept {
  const Slot* slot = find(stream);
  return slot == nullptr ? 0 : unconfirmed_bytes(slot->fd);
}

void UringLoop::shutdown_send(Handle stream) noexcept {
  if (Slot* slot = find(stream)) ::shutdown(slot->fd, SHUT_WR);
}

void UringLoop::close(Handle handle) noexcept {
  Slot* slot = find(handle);
  if (slot == nullptr) return;
  slot->closing = true;
  if (!slot->listener) ::shutdown(slot->fd, SHUT_RDWR);
  cancel_all(*slot);
  end_when_quiet(*slot);
}

void UringLoop::detach(Handle stream) noexcept {
  Slot* slot = find(stream);
  if (slot == nullptr) return;
  slot->detaching = true;
  cancel_all(*slot);
  end_when_quiet(*slot);
}

// `closed` comes when the kernel has let go of everything that was lent to it.
void UringLoop::end_when_quiet(Slot& slot) noexcept {
  if (!(slot.closing || slot.detaching) || slot.under_way > 0 || slot.end_queued) return;
  slot.end_queued = true;
  if (slot.detaching) return complete(slot, Completion::Kind::closed, slot.stream.release().release());
  slot.stream.reset();
  complete(slot, Completion::Kind::closed, -1);
}

// --- A turn ---

bool UringLoop::idle() const noexcept { return queued_.empty() && ::io_uring_cq_ready(&ring_) == 0; }

void UringLoop::run_once(base::Instant deadline, CompletionSink& sink) noexcept {
  wait(idle() ? deadline : base::Instant::min());
  collect(sink);
  deliver_queued(sink);
}

// The kernel has completions that it puts into the ring when it is asked.
bool UringLoop::kernel_has_news() const noexcept {
  const unsigned flags = std::atomic_ref<unsigned>{*ring_.sq.kflags}.load(std::memory_order_relaxed);
  return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

// Submits what is queued and waits for a completion, in one call. What the kernel refuses for want of memory stays
// queued and is submitted the next time.
void UringLoop::wait(base::Instant deadline) noexcept {
  apply_changes();
  sends_pending_ = false;
  if (deadline == base::Instant::max()) {
    do {
      ++enters_;
    } while (::io_uring_submit_and_wait(&ring_, 1) == -EINTR);
    return;
  }
  if (deadline == base::Instant::min() || deadline <= base::now()) {
    if (::io_uring_sq_ready(&ring_) == 0 && !kernel_has_news()) return;
    ++enters_;
    ::io_uring_submit_and_get_events(&ring_);
    return;
  }
  int result = 0;
  do {
    // A far deadline is looked at again in an hour.
    const auto left = std::clamp<base::Duration>(deadline - base::now(), {}, std::chrono::hours{1}).count();
    __kernel_timespec limit{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    io_uring_cqe* unused = nullptr;
    ++enters_;
    result = ::io_uring_submit_and_wait_timeout(&ring_, &unused, 1, &limit, nullptr);
  } while (result == -EINTR);
}

// What is complete now; what completes meanwhile is for the next turn.
void UringLoop::collect(CompletionSink& sink) noexcept {
  for (unsigned left = ::io_uring_cq_ready(&ring_); left > 0; --left) {
    const io_uring_cqe cqe = ring_.cq.cqes[*ring_.cq.khead & ring_.cq.ring_mask];
    ::io_uring_cq_advance(&ring_, 1);
    on_cqe(cqe, sink);
  }
}

void UringLoop::on_cqe(const io_uring_cqe& cqe, CompletionSink& sink) noexcept {
  const auto op = static_cast<Op>(cqe.user_data & ((1U << kOpBits) - 1));
  const bool last = (cqe.flags & IORING_CQE_F_MORE) == 0;
  if (op == Op::ignored) return;
  if (op == Op::wakeup) {
    if (!last) return;
    wakeup_.clear();
    return arm_wakeup();
  }
  Slot& slot = *slots_[cqe.user_data >> 32];
  HYPERION_ASSERT(slot.generation == (static_cast<uint32_t>(cqe.user_data) >> kOpBits));
  if (last) {
    --slot.under_way;
    --under_way_;
  }
  switch (op) {
    case Op::accept: on_accept(slot, cqe, sink); break;
    case Op::receive: on_receive(slot, cqe, sink); break;
    case Op::poll_in:
      slot.armed = slot.polling = slot.cancelling = slot.blocked = false;
      mark_changed(slot);
      break;
    case Op::send: on_sent(slot, cqe.res); break;
    case Op::poll_out: on_writable(slot); break;
    case Op::poll_end: on_end(slot, cqe.res); break;
    case Op::ignored:
    case Op::wakeup: break;
  }
  end_when_quiet(slot);
}

void UringLoop::on_accept(Slot& slot, const io_uring_cqe& cqe, CompletionSink& sink) noexcept {
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) slot.armed = slot.cancelling = false;
  // Also after stop and close: the kernel has taken it from the backlog, and nobody else will serve it.
  if (cqe.res >= 0) {
    sink.on_completion(
        {.kind = Completion::Kind::accepted, .handle = slot.handle(), .owner = slot.owner, .result = cqe.res});
  }
  if (slot.armed || !slot.active || slot.closing) return;
  if (is_passing_for_accept(cqe.res)) return mark_changed(slot);
  slot.active = false;
  complete(slot, Completion::Kind::accepted, cqe.res);
}

void UringLoop::on_receive(Slot& slot, const io_uring_cqe& cqe, CompletionSink& sink) noexcept {
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) slot.armed = slot.cancelling = slot.stale = false;
  const unsigned id = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
  // What comes while it is being detached was sent to whoever has it next, and cannot be put back.
  if (!slot.closing && !slot.ended && !is_passing(cqe.res) && cqe.res != -EAGAIN) {
    Completion completion{
        .kind = Completion::Kind::received, .handle = slot.handle(), .owner = slot.owner, .result = cqe.res};
    if (cqe.res > 0) {
      completion.data = {buffer(id), static_cast<size_t>(cqe.res)};
    } else {
      slot.ended = true;
      slot.active = false;
    }
    sink.on_completion(completion);
  }
  if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    lend_buffer(id, 0);
    ::io_uring_buf_ring_advance(buffers_, 1);
  }
  if (cqe.res > 0) slot.served = true;
  if (cqe.res > 0 && !std::exchange(slot.heard, true)) mark_changed(slot);
  if (slot.armed) return;
  slot.blocked = cqe.res == -EAGAIN;
  short_of_buffers_ = short_of_buffers_ || cqe.res == -ENOBUFS;
  mark_changed(slot);
}

void UringLoop::on_end(Slot& slot, int32_t result) noexcept {
  slot.watching = false;
  if (slot.closing || slot.detaching || slot.ended) return;
  if (result < 0) return mark_changed(slot);
  slot.hung_up = true;
  if (slot.armed) {
    // As a rule the receive has noticed, and its completion is one of this turn's.
    slot.stale = !slot.polling;
    mark_changed(slot);
  } else if (!slot.active && (result & POLLERR) != 0 && !bytes_before_reset(slot.fd)) {
    slot.ended = true;
    complete(slot, Completion::Kind::received, -ECONNRESET);
  }
}

void UringLoop::on_sent(Slot& slot, int32_t result) noexcept {
  if (slot.closing || slot.detaching) return;
  if (result == -EINTR || result == -ECANCELED) return submit_send(slot);
  if (result == -EAGAIN) return poll_for_room(slot);
  complete_send(slot, result);
}

void UringLoop::on_writable(Slot& slot) noexcept {
  if (slot.closing || slot.detaching) return;
  if (slot.state->file >= 0) {
    try_file(slot);
  } else {
    submit_send(slot);
  }
}

void UringLoop::deliver_queued(CompletionSink& sink) noexcept {
  // What a receiver submits during the delivery may complete at once; those wait for the next turn.
  delivering_.swap(queued_);
  for (const Completion& completion : delivering_) {
    Slot& slot = *slots_[completion.handle.index];
    if (slot.generation != completion.handle.generation) continue;
    if (completion.kind != Completion::Kind::closed) {
      if (!slot.closing && !slot.detaching) sink.on_completion(completion);
      continue;
    }
    slot.renew();
    free_slots_.push_back(slot.index);
    sink.on_completion(completion);
  }
  delivering_.clear();
}

}  // namespace hyperion::net

#endif
