#include "base/native_thread.hpp"

#include <signal.h>

#include <memory>
#include <utility>

#include "base/assert.hpp"

namespace hyperion::base {
namespace {

constexpr size_t kStackSize = size_t{1} << 20;

void* run(void* argument) {
  const std::unique_ptr<std::function<void()>> body{static_cast<std::function<void()>*>(argument)};
  (*body)();
  return nullptr;
}

}  // namespace

Result<NativeThread> NativeThread::start(const char* name, std::function<void()> body) {
  auto owned = std::make_unique<std::function<void()>>(std::move(body));
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, kStackSize);
  sigset_t blocked;
  sigset_t previous;
  ::sigfillset(&blocked);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) ::sigdelset(&blocked, fault);
  // A thread starts with its creator's mask: no signal finds it unprotected.
  ::pthread_sigmask(SIG_SETMASK, &blocked, &previous);
  NativeThread thread;
  const int error = ::pthread_create(&thread.thread_, &attributes, run, owned.get());
  ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (error != 0) return Error::os(error);
  (void)owned.release();
  thread.running_ = true;
  ::pthread_setname_np(thread.thread_, name);
  return thread;
}

NativeThread::NativeThread(NativeThread&& other) noexcept
    : thread_(other.thread_), running_(std::exchange(other.running_, false)) {}

NativeThread& NativeThread::operator=(NativeThread&& other) noexcept {
  HYPERION_ASSERT(!running_);
  thread_ = other.thread_;
  running_ = std::exchange(other.running_, false);
  return *this;
}

NativeThread::~NativeThread() { HYPERION_ASSERT(!running_); }

void NativeThread::join() noexcept {
  if (!running_) return;
  ::pthread_join(thread_, nullptr);
  running_ = false;
}

}  // namespace hyperion::base
