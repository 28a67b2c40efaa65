#include "net/epoll_loop.hpp"

#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.hpp"
#include "net/socket_queue.hpp"

namespace hyperion::net {

// A send that the kernel had no room for.
struct EpollLoop::PendingSend {
  static constexpr size_t kMost = 64;

  std::array<iovec, kMost> pieces;
  size_t count = 0;
  int file = -1;
  uint64_t offset = 0;
  uint64_t size = 0;
  bool more = false;
};

struct EpollLoop::Slot {
  uint32_t index = 0;
  uint32_t generation = 0;
  int fd = -1;             // of a listener: borrowed
  base::GuardedFd stream;  // of a stream: the same, owned
  void* owner = nullptr;
  bool listener = false;
  bool closing = false;   // `closed` is queued, nothing else is delivered any more
  bool active = false;    // start_accept or start_receive is in force
  bool readable = false;  // the kernel has said so and recv has not emptied the socket since
  bool hangup = false;    // the end of the stream is behind the bytes to read: no further edge will tell
  bool ended = false;     // end of stream or an error was delivered
  bool in_ready = false;
  bool sending = false;  // a send waits for room
  std::unique_ptr<PendingSend> pending;

  Handle handle() const noexcept { return {index, generation}; }
  // Ready for another descriptor, under another generation.
  void renew() noexcept {
    const uint32_t own_index = index;
    const uint32_t next_generation = generation + 1;
    *this = Slot{};
    index = own_index;
    generation = next_generation;
  }
};

namespace {

ssize_t send_pieces(int fd, std::span<const iovec> pieces, bool more) noexcept {
  const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0);
  // The kernel copies less from us for one piece, which is what most responses are.
  if (pieces.size() == 1) return ::send(fd, pieces[0].iov_base, pieces[0].iov_len, flags);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  return ::sendmsg(fd, &message, flags);
}

// epoll_event.data.u64 of the wakeup: no slot has this index.
constexpr uint64_t kWakeupToken = UINT64_MAX;

uint64_t token_of(Handle handle) noexcept { return (uint64_t{handle.generation} << 32) | handle.index; }

Handle handle_of(uint64_t token) noexcept { return {static_cast<uint32_t>(token), static_cast<uint32_t>(token >> 32)}; }

// Rounded up, for a timer must not fire early; -1: for ever. A far deadline is looked at again in a minute.
int milliseconds_until(base::Instant deadline) noexcept {
  if (deadline == base::Instant::max()) return -1;
  const base::Instant now = base::now();
  if (deadline <= now) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<int>(std::min<int64_t>(left, 60'000));
}

// One sendfile call at most moves this much, so that a fast reader of a large file leaves time for the others.
constexpr uint64_t kFileStep = 512 * 1024;

}  // namespace

base::Result<std::unique_ptr<EventLoop>> EpollLoop::create() {
  base::UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll) return base::Error::os(errno);
  auto wakeup = Wakeup::create();
  if (!wakeup) return wakeup.error();
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = kWakeupToken;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wakeup.value().fd(), &event) < 0) return base::Error::os(errno);
  return std::unique_ptr<EventLoop>{new EpollLoop{std::move(epoll), std::move(wakeup).value()}};
}

EpollLoop::EpollLoop(base::UniqueFd epoll, Wakeup wakeup)
    : epoll_(std::move(epoll)),
      wakeup_(std::move(wakeup)),
      scratch_(std::make_unique_for_overwrite<char[]>(kScratch)) {}

EpollLoop::~EpollLoop() {
  for (auto& slot : slots_) {
    if (slot->stream) ::shutdown(slot->fd, SHUT_RDWR);
  }
  // Detached, but never delivered.
  for (const Completion& completion : queued_) {
    if (completion.kind == Completion::Kind::closed) base::UniqueFd{static_cast<int>(completion.result)}.reset();
  }
}

Handle EpollLoop::take_slot(int fd, void* owner) {
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

EpollLoop::Slot* EpollLoop::find(Handle handle) noexcept {
  if (handle.index >= slots_.size()) return nullptr;
  Slot* slot = slots_[handle.index].get();
  return slot->generation == handle.generation && slot->fd >= 0 ? slot : nullptr;
}

base::Result<Handle> EpollLoop::add_listener(int fd, void* owner) {
  const Handle handle = take_slot(fd, owner);
  slots_[handle.index]->listener = true;
  return handle;
}

void EpollLoop::start_accept(Handle listener) noexcept {
  Slot* slot = find(listener);
  if (slot == nullptr || slot->active) return;
  epoll_event event{};
  // Level-triggered; exclusive, so that one connection wakes one of several I/O threads (Linux 4.5).
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.u64 = token_of(listener);
  slot->active = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, slot->fd, &event) == 0;
  if (!slot->active) complete(*slot, Completion::Kind::accepted, -errno);
}

void EpollLoop::stop_accept(Handle listener) noexcept {
  Slot* slot = find(listener);
  if (slot == nullptr || !slot->active) return;
  slot->active = false;
  unregister(*slot);
}

base::Result<Handle> EpollLoop::add_stream(base::UniqueFd fd, void* owner) {
  const Handle handle = take_slot(fd.get(), owner);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = token_of(handle);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) < 0) {
    const int saved = errno;
    slots_[handle.index]->fd = -1;
    free_slots_.push_back(handle.index);
    return base::Error::os(saved);
  }
  slots_[handle.index]->stream = base::GuardedFd{std::move(fd)};
  return handle;
}

void EpollLoop::start_receive(Handle stream) noexcept {
  Slot* slot = find(stream);
  if (slot == nullptr || slot->active || slot->ended) return;
  slot->active = true;
  if (slot->readable) make_ready(*slot);
}

void EpollLoop::stop_receive(Handle stream) noexcept {
  if (Slot* slot = find(stream)) slot->active = false;
}

void EpollLoop::make_ready(Slot& slot) noexcept {
  if (slot.in_ready) return;
  slot.in_ready = true;
  ready_.push_back(slot.handle());
}

void EpollLoop::complete(const Slot& slot, Completion::Kind kind, int64_t result) {
  queued_.push_back({.kind = kind, .handle = slot.handle(), .owner = slot.owner, .result = result});
}

void EpollLoop::send(Handle stream, std::span<const iovec> pieces, bool more) noexcept {
  Slot* slot = find(stream);
  if (slot == nullptr) return;
  HYPERION_ASSERT(!slot->sending && !pieces.empty());
  // The kernel refuses more than IOV_MAX of them; the rest is the next send's, like any partial one.
  if (pieces.size() > PendingSend::kMost) {
    pieces = pieces.first(PendingSend::kMost);
    more = true;
  }
  ssize_t sent = 0;
  do {
    sent = send_pieces(slot->fd, pieces, more);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return complete(*slot, Completion::Kind::sent, sent);
  if (errno != EAGAIN) return complete(*slot, Completion::Kind::sent, -errno);
  if (slot->pending == nullptr) slot->pending = std::make_unique<PendingSend>();
  PendingSend& pending = *slot->pending;
  pending.count = pieces.size();
  std::copy_n(pieces.begin(), pending.count, pending.pieces.begin());
  pending.more = more;
  pending.file = -1;
  slot->sending = true;
}

void EpollLoop::send_file(Handle stream, int file, uint64_t offset, uint64_t size) noexcept {
  Slot* slot = find(stream);
  if (slot == nullptr) return;
  HYPERION_ASSERT(!slot->sending && size > 0);
  if (slot->pending == nullptr) slot->pending = std::make_unique<PendingSend>();
  slot->pending->file = file;
  slot->pending->offset = offset;
  slot->pending->size = size;
  slot->sending = true;
  try_send(*slot);
}

void EpollLoop::try_send(Slot& slot) noexcept {
  PendingSend& pending = *slot.pending;
  ssize_t sent = 0;
  do {
    if (pending.file >= 0) {
      auto offset = static_cast<off_t>(pending.offset);
      sent = ::sendfile(slot.fd, pending.file, &offset, std::min(pending.size, kFileStep));
    } else {
      sent = send_pieces(slot.fd, {pending.pieces.data(), pending.count}, pending.more);
    }
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno == EAGAIN) return;
  slot.sending = false;
  if (sent == 0) {
    // The file is shorter than it was: the promised bytes cannot come any more.
    sent = -1;
    errno = EIO;
  }
  complete(slot, Completion::Kind::sent, sent < 0 ? -errno : sent);
}

uint64_t EpollLoop::unconfirmed(Handle stream) noexcept {
  const Slot* slot = find(stream);
  return slot == nullptr ? 0 : unconfirmed_bytes(slot->fd);
}

void EpollLoop::shutdown_send(Handle stream) noexcept {
  if (Slot* slot = find(stream)) ::shutdown(slot->fd, SHUT_WR);
}

void EpollLoop::unregister(Slot& slot) noexcept {
  // Explicit, because a descriptor that a forked child holds stays in the interest list after our close.
  epoll_event unused{};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, slot.fd, &unused);
}

void EpollLoop::close(Handle handle) noexcept {
  Slot* slot = find(handle);
  if (slot == nullptr) return;
  if (!slot->listener || slot->active) unregister(*slot);
  if (!slot->listener) {
    ::shutdown(slot->fd, SHUT_RDWR);
    slot->stream.reset();
  }
  slot->closing = true;
  slot->fd = -1;
  complete(*slot, Completion::Kind::closed, -1);
}

void EpollLoop::detach(Handle stream) noexcept {
  Slot* slot = find(stream);
  if (slot == nullptr) return;
  unregister(*slot);
  slot->closing = true;
  slot->fd = -1;
  complete(*slot, Completion::Kind::closed, slot->stream.release().release());
}

void EpollLoop::run_once(base::Instant deadline, CompletionSink& sink) noexcept {
  // What completed without waiting needs no system call to be delivered; but the kernel is asked every other time.
  if (!queued_.empty() && !skipped_wait_) {
    skipped_wait_ = true;
    return deliver_queued(sink);
  }
  skipped_wait_ = false;
  int count = 0;
  do {
    const int timeout = idle() ? milliseconds_until(deadline) : 0;
    count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout);
  } while (count < 0 && errno == EINTR);
  current_.swap(ready_);
  for (int i = 0; i < count; ++i) on_event(events_[static_cast<size_t>(i)], sink);
  for (Handle handle : current_) {
    Slot* slot = find(handle);
    if (slot == nullptr) continue;
    slot->in_ready = false;
    if (slot->active && slot->readable) receive_some(*slot, sink);
  }
  current_.clear();
  deliver_queued(sink);
}

void EpollLoop::on_event(const epoll_event& event, CompletionSink& sink) noexcept {
  if (event.data.u64 == kWakeupToken) {
    wakeup_.clear();
    return;
  }
  Slot* slot = find(handle_of(event.data.u64));
  if (slot == nullptr) return;
  if (slot->listener) return accept_some(*slot, sink);

  if ((event.events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 && slot->sending) try_send(*slot);
  if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) == 0) return;
  slot->readable = true;
  slot->hangup = slot->hangup || (event.events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0;
  if (slot->active) {
    // Its turn came earlier when it is in the list already.
    if (!slot->in_ready) receive_some(*slot, sink);
  } else if ((event.events & EPOLLERR) != 0 && !slot->ended && !bytes_before_reset(slot->fd)) {
    slot->ended = true;
    complete(*slot, Completion::Kind::received, -ECONNRESET);
  }
}

void EpollLoop::accept_some(Slot& listener, CompletionSink& sink) noexcept {
  const Handle handle = listener.handle();
  for (int i = 0; i < 64; ++i) {
    const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      sink.on_completion({.kind = Completion::Kind::accepted, .handle = handle, .owner = listener.owner, .result = fd});
      if (listener.generation != handle.generation || listener.closing || !listener.active) return;
      continue;
    }
    switch (errno) {
      case EAGAIN: return;
      // The connection died before we took it (Linux also reports pending network errors here).
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH: continue;
      default: break;
    }
    const int saved = errno;
    listener.active = false;
    unregister(listener);
    complete(listener, Completion::Kind::accepted, -saved);
    return;
  }
}

void EpollLoop::receive_some(Slot& slot, CompletionSink& sink) noexcept {
  Completion completion{.kind = Completion::Kind::received, .handle = slot.handle(), .owner = slot.owner};
  ssize_t got = 0;
  do {
    got = ::recv(slot.fd, scratch_.get(), kScratch, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) {
    slot.readable = false;
    return;
  }
  completion.result = got < 0 ? -errno : got;
  if (got > 0) {
    completion.data = {scratch_.get(), static_cast<size_t>(got)};
  } else {
    slot.ended = true;
    slot.active = false;
  }
  // A short read has emptied the socket: whatever comes later makes a new edge. A full one leaves more for the next
  // turn, after the others.
  slot.readable = got > 0 && (static_cast<size_t>(got) == kScratch || slot.hangup);
  if (slot.readable) make_ready(slot);
  sink.on_completion(completion);
}

void EpollLoop::deliver_queued(CompletionSink& sink) noexcept {
  // What a receiver submits during the delivery may complete at once; those wait for the next turn.
  delivering_.swap(queued_);
  for (const Completion& completion : delivering_) {
    Slot& slot = *slots_[completion.handle.index];
    if (slot.generation != completion.handle.generation) continue;
    if (completion.kind != Completion::Kind::closed) {
      if (!slot.closing) sink.on_completion(completion);
      continue;
    }
    slot.renew();
    free_slots_.push_back(slot.index);
    sink.on_completion(completion);
  }
  delivering_.clear();
}

}  // namespace hyperion::net
