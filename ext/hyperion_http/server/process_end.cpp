#include "server/process_end.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <string>
#include <utility>

#include "base/fork_guard.hpp"
#include "base/native_thread.hpp"
#include "base/number.hpp"
#include "net/wakeup.hpp"
#include "observe/log_format.hpp"

namespace hyperion::server::process_end {
namespace {

using Ticks = base::Instant::rep;

constexpr Ticks kNever = base::Instant::max().time_since_epoch().count();
constexpr int kSignals[] = {SIGTERM, SIGINT, SIGQUIT};

// What the signal handler touches: lock-free, and alive for as long as the process.
std::atomic<bool> watching{false};
std::atomic<unsigned> owner{0};
std::atomic<Ticks> deadline{kNever};
std::atomic<Ticks> first_int{kNever};
std::atomic<Ticks> graceful{0};
std::atomic<Ticks> last{0};
std::atomic<Ticks> same_wish{0};
std::atomic<bool> wanted_now{false};
struct sigaction previous[std::size(kSignals)];

static_assert(std::atomic<Ticks>::is_always_lock_free);

// Made once and never destroyed: a handler may be about to ring. A forked child leaks it and makes its own.
struct Watcher {
  net::Wakeup wakeup;
  Plan plan{};
  base::NativeThread thread{};
};
std::atomic<Watcher*> watcher{nullptr};

bool in_force() noexcept { return watching && owner == base::fork_generation(); }

Ticks now() noexcept { return base::now().time_since_epoch().count(); }

Ticks after(Ticks begin, Ticks span) noexcept { return span >= kNever - begin ? kNever : begin + span; }

void count_from(Ticks begin) noexcept {
  Ticks none = kNever;
  deadline.compare_exchange_strong(none, after(begin, after(graceful, last)));
}

void hurry(Ticks begin) noexcept {
  wanted_now = true;
  const Ticks soon = after(begin, last);
  Ticks set = deadline;
  while (soon < set && !deadline.compare_exchange_weak(set, soon)) {
  }
}

void take_note(int number) noexcept {
  const Ticks time = now();
  if (number == SIGQUIT) {
    hurry(time);
  } else {
    count_from(time);
  }
  if (number == SIGINT) {
    Ticks first = kNever;
    if (!first_int.compare_exchange_strong(first, time) && time - first >= same_wish) hurry(time);
  }
}

// In the signal's context: only what is safe there (signal-safety(7)).
void on_signal(int number, siginfo_t* info, void* context) {
  const int saved = errno;
  // A child that the application forked has its own ways to end.
  if (in_force()) {
    take_note(number);
    watcher.load()->wakeup.ring();
  }
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    if (kSignals[i] != number) continue;
    const struct sigaction& next = previous[i];
    if ((next.sa_flags & SA_SIGINFO) != 0) {
      next.sa_sigaction(number, info, context);
    } else if (next.sa_handler != SIG_IGN && next.sa_handler != SIG_DFL) {
      next.sa_handler(number);
    }
  }
  errno = saved;
}

void take_signals() noexcept {
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    struct sigaction action {};
    if (::sigaction(kSignals[i], nullptr, &action) < 0) continue;
    if ((action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_signal) continue;
    // Without a handler of its own the signal ends the process, or is ignored, and both are what somebody wants.
    if ((action.sa_flags & SA_SIGINFO) == 0 && (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)) continue;
    previous[i] = action;
    action.sa_flags |= SA_SIGINFO;
    action.sa_sigaction = on_signal;
    ::sigaction(kSignals[i], &action, nullptr);
  }
}

[[noreturn]] void end_process(const Plan& plan) noexcept {
  std::string line;
  observe::append_message_line(line,
                               {.wall_micros = base::wall_micros(),
                                .level = observe::Level::fatal,
                                .source = "server",
                                .text = "the process did not end in time (a thread hangs in native code, or an at_exit "
                                        "hook does not return): ended by force"},
                               plan.style);
  // A standard error that nobody reads must not stop this, too.
  pollfd waiter{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&waiter, 1, 0) > 0) (void)!::write(STDERR_FILENO, line.data(), line.size());
  ::_exit(plan.status);
}

void keep_watch(Watcher& own) noexcept {
  while (watching) {
    const Ticks until = deadline;
    int timeout = -1;
    if (until != kNever) {
      const base::Duration left{until - now()};
      if (left <= base::Duration::zero()) end_process(own.plan);
      const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      timeout = static_cast<int>(std::min<int64_t>(milliseconds, 60'000));
    }
    pollfd waiter{.fd = own.wakeup.fd(), .events = POLLIN, .revents = 0};
    if (::poll(&waiter, 1, timeout) > 0) own.wakeup.clear();
  }
}

}  // namespace

base::Status watch(const Plan& plan) {
  unwatch();
  if (watcher == nullptr || owner != base::fork_generation()) {
    auto wakeup = net::Wakeup::create();
    if (!wakeup) return wakeup.error();
    owner = base::fork_generation();
    watcher = new Watcher{.wakeup = std::move(wakeup).value()};
  }
  Watcher& own = *watcher;
  own.plan = plan;
  graceful = plan.graceful.count();
  last = plan.last.count();
  same_wish = plan.same_wish.count();
  deadline = kNever;
  first_int = kNever;
  wanted_now = false;
  watching = true;
  auto thread = base::NativeThread::start("hyperion-end", [&own] { keep_watch(own); });
  if (!thread) {
    watching = false;
    return thread.error();
  }
  own.thread = std::move(thread).value();
  take_signals();
  return {};
}

void unwatch() noexcept {
  if (!in_force()) return;
  Watcher& own = *watcher;
  watching = false;
  own.wakeup.ring();
  own.thread.join();
}

void end_within(base::Duration patience) noexcept {
  if (!in_force()) return;
  deadline = after(now(), patience.count());
  watcher.load()->wakeup.ring();
}

void stop_began() noexcept {
  if (!in_force()) return;
  count_from(now());
  watcher.load()->wakeup.ring();
}

bool urgent() noexcept { return in_force() && wanted_now; }

}  // namespace hyperion::server::process_end
