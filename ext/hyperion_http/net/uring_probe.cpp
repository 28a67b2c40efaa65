#include "net/uring_probe.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/number.hpp"
#include "base/unique_fd.hpp"
#ifdef HYPERION_LIBURING
#include "net/uring_loop.hpp"
#endif

namespace hyperion::net {

std::string explain(const UringFacts& facts) {
  switch (facts.error) {
    case EPERM:
    case EACCES:
      if (facts.disabled == 2) return "the system forbids it (sysctl kernel.io_uring_disabled is 2)";
      if (facts.disabled == 1) {
        return "the system forbids it to this user (sysctl kernel.io_uring_disabled is 1; root and the group in "
               "kernel.io_uring_group may)";
      }
      return "a sandbox forbids it (a seccomp filter, as Docker's default one, or a security module)";
    case ENOSYS: return "the kernel has no io_uring, or a sandbox hides it";
    case ENOMEM: {
      std::string text = "the limit on locked memory is too low (ulimit -l is ";
      base::append_decimal(text, facts.locked_memory / 1024);
      return text += " KiB)";
    }
    case EMFILE:
    case ENFILE: return "no file descriptor is left";
    case EINVAL:
    case EOPNOTSUPP:
    case ETIMEDOUT: {
      std::string text = "the kernel is too old: Linux 5.19 has what is needed, this is ";
      return text += facts.release;
    }
    default: break;
  }
  switch (facts.step) {
    case UringFacts::Step::ring: return "no ring can be made: " + base::describe(base::Error::os(facts.error));
    case UringFacts::Step::buffers: return "no ring can be enabled: " + base::describe(base::Error::os(facts.error));
    case UringFacts::Step::receive: break;
  }
  return "a trial failed: " + base::describe(base::Error::os(facts.error));
}

#ifdef HYPERION_LIBURING

namespace {

int disabled_setting() noexcept {
  const base::UniqueFd file{::open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC)};
  char digit = 0;
  return file && ::read(file.get(), &digit, 1) == 1 ? digit - '0' : -1;
}

UringProbe refused(UringFacts::Step step, int error) {
  utsname system{};
  ::uname(&system);
  rlimit locked{};
  ::getrlimit(RLIMIT_MEMLOCK, &locked);
  return {explain({.step = step,
                   .error = error,
                   .disabled = disabled_setting(),
                   .locked_memory = locked.rlim_cur,
                   .release = system.release})};
}

// Sends itself bytes through a loop.
class Trial final : public CompletionSink {
 public:
  // The error, 0 when all is well.
  int run(EventLoop& loop) noexcept {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) return errno;
    const base::UniqueFd peer{pair[1]};
    auto handle = loop.add_stream(base::UniqueFd{pair[0]}, this);
    if (!handle) return handle.error().os_errno;
    loop.start_receive(handle.value());
    char word[] = "io_uring";
    const iovec piece{.iov_base = word, .iov_len = sizeof word};
    if (::send(peer.get(), word, sizeof word, MSG_NOSIGNAL) < 0) return errno;
    loop.send(handle.value(), {&piece, 1}, false);
    const base::Instant end = base::now() + std::chrono::seconds{1};
    while (received_ == 0 || sent_ == 0) {
      loop.run_once(end, *this);
      if (base::now() >= end) return ETIMEDOUT;
    }
    loop.close(handle.value());
    while (!closed_ && base::now() < end) loop.run_once(end, *this);
    return received_ < 0 ? static_cast<int>(-received_) : sent_ < 0 ? static_cast<int>(-sent_) : 0;
  }

  void on_completion(const Completion& completion) noexcept override {
    switch (completion.kind) {
      case Completion::Kind::received: received_ = completion.result; break;
      case Completion::Kind::sent: sent_ = completion.result; break;
      case Completion::Kind::closed: closed_ = true; break;
      case Completion::Kind::accepted: break;
    }
  }

 private:
  int64_t received_ = 0;
  int64_t sent_ = 0;
  bool closed_ = false;
};

}  // namespace

UringProbe probe_uring() noexcept {
  auto made = UringLoop::create();
  if (!made) return refused(UringFacts::Step::ring, made.error().os_errno);
  EventLoop& loop = *made.value();
  if (auto entered = loop.enter(); !entered) return refused(UringFacts::Step::buffers, entered.error().os_errno);
  const int error = Trial{}.run(loop);
  return error == 0 ? UringProbe{} : refused(UringFacts::Step::receive, error);
}

#else

UringProbe probe_uring() noexcept {
  return {
      "this build is without liburing; install liburing 2.3 or newer (Debian and Ubuntu: apt-get install "
      "liburing-dev), then install the gem anew"};
}

#endif

}  // namespace hyperion::net
