// NativeThread: what the server's own threads start with.
#include "base/native_thread.hpp"

#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <string>

namespace hyperion::test {

using base::NativeThread;

TEST_CASE("native thread: runs its body once, under its name") {
  std::atomic<int> runs{0};
  std::string name;
  {
    std::atomic<bool> named{false};
    auto started = NativeThread::start("hyperion-test", [&] {
      ++runs;
      while (!named) {
      }
      char text[16];
      ::pthread_getname_np(::pthread_self(), text, sizeof text);
      name = text;
    });
    REQUIRE(started.ok());
    named = true;
    NativeThread thread = std::move(started).value();
    CHECK(thread.joinable());
    NativeThread moved;
    CHECK_FALSE(moved.joinable());
    moved = std::move(thread);
    CHECK_FALSE(thread.joinable());
    moved.join();
    CHECK_FALSE(moved.joinable());
    moved.join();
  }
  CHECK(runs == 1);
  CHECK(name == "hyperion-test");
}

TEST_CASE("native thread: signals are Ruby's business, faults are its own") {
  sigset_t before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  sigset_t inside;
  auto started = NativeThread::start("hyperion-test", [&] { ::pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
  REQUIRE(started.ok());
  NativeThread thread = std::move(started).value();
  thread.join();
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD, SIGVTALRM, SIGPIPE, SIGALRM}) {
    CHECK(::sigismember(&inside, signal) == 1);
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) {
    CHECK(::sigismember(&inside, signal) == 0);
  }
  // The creator's own mask is what it was.
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < 32; ++signal) CHECK(::sigismember(&before, signal) == ::sigismember(&after, signal));
}

TEST_CASE("native thread: has a stack that does not depend on the C library") {
  size_t size = 0;
  auto started = NativeThread::start("hyperion-test", [&] {
    pthread_attr_t attributes;
    ::pthread_getattr_np(::pthread_self(), &attributes);
    ::pthread_attr_getstacksize(&attributes, &size);
    ::pthread_attr_destroy(&attributes);
  });
  REQUIRE(started.ok());
  NativeThread thread = std::move(started).value();
  thread.join();
  CHECK(size >= size_t{1} << 20);
}

}  // namespace hyperion::test
