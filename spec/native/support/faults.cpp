#include "support/faults.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <vector>

#ifdef HYPERION_LIBURING
#include <liburing.h>
#endif

namespace hyperion::test {
namespace {

struct Plan {
  struct One {
    int error = 0;
    int times = 0;
  };
  // An operation that was submitted as another one.
  struct Replaced {
    uint64_t token;
    int error;
  };
  std::array<One, static_cast<size_t>(Fault::count)> ones;
  std::vector<Replaced> replaced;
};

// Null nearly always, and in every thread but the test's.
thread_local Plan* plan = nullptr;

// The error, 0 when nothing is planned.
int take(Fault what) noexcept {
  if (plan == nullptr) return 0;
  Plan::One& one = plan->ones[static_cast<size_t>(what)];
  if (one.times == 0) return 0;
  --one.times;
  return one.error;
}

bool fails(Fault what) noexcept {
  const int error = take(what);
  if (error != 0) errno = error;
  return error != 0;
}

}  // namespace

Faults::Faults() {
  if (plan != nullptr) std::abort();
  plan = new Plan;
}

Faults::~Faults() {
  delete plan;
  plan = nullptr;
}

void Faults::next(Fault what, int error, int times) { plan->ones[static_cast<size_t>(what)] = {error, times}; }

int Faults::left(Fault what) const { return plan->ones[static_cast<size_t>(what)].times; }

namespace {

// Bytes through a socket order the threads at its ends. TSan knows that of recv and send, as if all sockets were one,
// and not of a ring: so it is told.
#ifdef __SANITIZE_THREAD__
std::atomic<uint64_t> all_sockets{0};
void before_sending() noexcept { all_sockets.fetch_add(1, std::memory_order_acq_rel); }
void after_receiving() noexcept { (void)all_sockets.load(std::memory_order_acquire); }
#else
void before_sending() noexcept {}
void after_receiving() noexcept {}
#endif

}  // namespace

#ifdef HYPERION_LIBURING
namespace {

std::optional<Fault> kind_of(const io_uring_sqe& entry) noexcept {
  switch (entry.opcode) {
    case IORING_OP_ACCEPT: return Fault::accept;
    case IORING_OP_RECV: return Fault::receive;
    case IORING_OP_SEND:
    case IORING_OP_SENDMSG: return Fault::send;
    case IORING_OP_POLL_ADD: return Fault::poll;
    default: return std::nullopt;
  }
}

// Before the kernel sees what is queued.
void spoil(io_uring& ring) noexcept {
  if (plan == nullptr) return;
  for (unsigned at = ring.sq.sqe_head; at != ring.sq.sqe_tail; ++at) {
    io_uring_sqe& entry = ring.sq.sqes[at & *ring.sq.kring_mask];
    const auto kind = kind_of(entry);
    if (!kind) continue;
    const int error = take(*kind);
    if (error == 0) continue;
    plan->replaced.push_back({entry.user_data, error});
    const uint64_t token = entry.user_data;
    entry = io_uring_sqe{};
    entry.opcode = IORING_OP_NOP;
    entry.user_data = token;
  }
}

// Before the loop sees what is complete.
void tell(io_uring& ring) noexcept {
  if (plan == nullptr || plan->replaced.empty()) return;
  const unsigned tail = std::atomic_ref<unsigned>{*ring.cq.ktail}.load(std::memory_order_acquire);
  for (unsigned at = *ring.cq.khead; at != tail; ++at) {
    io_uring_cqe& cqe = ring.cq.cqes[at & *ring.cq.kring_mask];
    for (auto one = plan->replaced.begin(); one != plan->replaced.end(); ++one) {
      if (one->token != cqe.user_data) continue;
      cqe.res = -one->error;
      plan->replaced.erase(one);
      break;
    }
  }
}

template <class Call>
int submitting(io_uring* ring, Call&& call) noexcept {
  if (const int error = take(Fault::wait); error != 0) return -error;
  spoil(*ring);
  before_sending();
  const int result = call();
  after_receiving();
  tell(*ring);
  return result;
}

}  // namespace
#endif

}  // namespace hyperion::test

// The names are the linker's.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {

int __real_epoll_wait(int epoll, epoll_event* events, int most, int timeout);
int __wrap_epoll_wait(int epoll, epoll_event* events, int most, int timeout);
int __wrap_epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  return hyperion::test::fails(hyperion::test::Fault::wait) ? -1 : __real_epoll_wait(epoll, events, most, timeout);
}

int __real_accept4(int fd, sockaddr* address, socklen_t* size, int flags);
int __wrap_accept4(int fd, sockaddr* address, socklen_t* size, int flags);
int __wrap_accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  return hyperion::test::fails(hyperion::test::Fault::accept) ? -1 : __real_accept4(fd, address, size, flags);
}

ssize_t __real_recv(int fd, void* bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void* bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void* bytes, size_t size, int flags) {
  if (hyperion::test::fails(hyperion::test::Fault::receive)) return -1;
  const ssize_t got = __real_recv(fd, bytes, size, flags);
  hyperion::test::after_receiving();
  return got;
}

ssize_t __real_send(int fd, const void* bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void* bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void* bytes, size_t size, int flags) {
  // Only the loop does not wait; the tests' own clients do.
  const bool of_loop = (flags & MSG_DONTWAIT) != 0;
  hyperion::test::before_sending();
  return of_loop && hyperion::test::fails(hyperion::test::Fault::send) ? -1 : __real_send(fd, bytes, size, flags);
}

ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags);
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  return hyperion::test::fails(hyperion::test::Fault::send) ? -1 : __real_sendmsg(fd, message, flags);
}

#ifdef HYPERION_LIBURING

int __real_io_uring_submit(io_uring* ring);
int __wrap_io_uring_submit(io_uring* ring);
int __wrap_io_uring_submit(io_uring* ring) {
  return hyperion::test::submitting(ring, [&] { return __real_io_uring_submit(ring); });
}

int __real_io_uring_submit_and_wait(io_uring* ring, unsigned count);
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned count);
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned count) {
  return hyperion::test::submitting(ring, [&] { return __real_io_uring_submit_and_wait(ring, count); });
}

int __real_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                            __kernel_timespec* limit, sigset_t* mask);
int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                            __kernel_timespec* limit, sigset_t* mask);
int __wrap_io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                            __kernel_timespec* limit, sigset_t* mask) {
  return hyperion::test::submitting(
      ring, [&] { return __real_io_uring_submit_and_wait_timeout(ring, first, count, limit, mask); });
}

int __real_io_uring_submit_and_get_events(io_uring* ring);
int __wrap_io_uring_submit_and_get_events(io_uring* ring);
int __wrap_io_uring_submit_and_get_events(io_uring* ring) {
  return hyperion::test::submitting(ring, [&] { return __real_io_uring_submit_and_get_events(ring); });
}

int __real_io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params);
int __wrap_io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params);
int __wrap_io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params) {
  const int error = hyperion::test::take(hyperion::test::Fault::ring);
  return error != 0 ? -error : __real_io_uring_queue_init_params(entries, ring, params);
}

int __real_io_uring_register_buf_ring(io_uring* ring, io_uring_buf_reg* registration, unsigned flags);
int __wrap_io_uring_register_buf_ring(io_uring* ring, io_uring_buf_reg* registration, unsigned flags);
int __wrap_io_uring_register_buf_ring(io_uring* ring, io_uring_buf_reg* registration, unsigned flags) {
  const int error = hyperion::test::take(hyperion::test::Fault::buffers);
  return error != 0 ? -error : __real_io_uring_register_buf_ring(ring, registration, flags);
}

int __real_io_uring_register(unsigned fd, unsigned opcode, const void* argument, unsigned count);
int __wrap_io_uring_register(unsigned fd, unsigned opcode, const void* argument, unsigned count);
int __wrap_io_uring_register(unsigned fd, unsigned opcode, const void* argument, unsigned count) {
  if (opcode == IORING_REGISTER_ENABLE_RINGS) {
    if (const int error = hyperion::test::take(hyperion::test::Fault::enable); error != 0) return -error;
  }
  return __real_io_uring_register(fd, opcode, argument, count);
}

#endif
}
// NOLINTEND(bugprone-reserved-identifier)
