// What the tests of net::EventLoop share. Each of them is a template over the loops listed here: another loop joins by
// one struct and its name in HYPERION_LOOPS, and then owes everything that the group asks.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/epoll_loop.hpp"
#include "net/event_loop.hpp"
#ifdef HYPERION_LIBURING
#include "net/uring_loop.hpp"
#include "net/uring_probe.hpp"
#endif
#include "support/sockets.hpp"
#include "support/waiting.hpp"

namespace hyperion::test {

struct Epoll {
  static base::Result<std::unique_ptr<net::EventLoop>> make() { return net::EpollLoop::create(); }
};

#ifdef HYPERION_LIBURING
// Where the kernel refuses io_uring these stand for epoll, too: main.cpp says so.
inline base::Result<std::unique_ptr<net::EventLoop>> make_uring(const net::UringLoop::Sizes& sizes) {
  static const bool usable = net::probe_uring().usable();
  return usable ? net::UringLoop::create(sizes) : net::EpollLoop::create();
}
struct Uring {
  static base::Result<std::unique_ptr<net::EventLoop>> make() { return make_uring({}); }
};
// As on a kernel before 6.1.
struct UringWithoutDefer {
  static base::Result<std::unique_ptr<net::EventLoop>> make() { return make_uring({.defer = false}); }
};
// What one receive finds fills many buffers.
struct UringSmallBuffers {
  static base::Result<std::unique_ptr<net::EventLoop>> make() {
    return make_uring({.buffers = 64, .buffer_bytes = 256});
  }
};
// Queues that are always full, completions that do not fit, buffers that are gone.
struct UringCramped {
  static base::Result<std::unique_ptr<net::EventLoop>> make() {
    return make_uring({.submissions = 2, .completions = 4, .buffers = 2, .buffer_bytes = 128});
  }
};

#define HYPERION_LOOPS Epoll, Uring, UringWithoutDefer, UringSmallBuffers, UringCramped
#else
#define HYPERION_LOOPS Epoll
#endif
// X(family) for the kinds of stream sockets.
inline constexpr Family kFamilies[] = {Family::tcp, Family::unix_stream};

using Kind = net::Completion::Kind;

// A loop, and what it has delivered.
template <class Loop>
class LoopRig final : public net::CompletionSink {
 public:
  struct Event {
    Kind kind;
    net::Handle handle;
    void* owner;
    int64_t result;
    std::string data;
  };

  LoopRig() : loop_(std::move(Loop::make()).value()) { REQUIRE(loop_->enter().ok()); }

  net::EventLoop& loop() { return *loop_; }
  net::EventLoop* operator->() { return loop_.get(); }
  void destroy_loop() { loop_.reset(); }

  // Called within each delivery, after it has been noted.
  std::function<void(const net::Completion&)> hook;
  std::vector<Event> events;

  void on_completion(const net::Completion& completion) noexcept override {
    events.push_back(
        {completion.kind, completion.handle, completion.owner, completion.result, std::string{completion.data}});
    if (hook) hook(completion);
  }

  // One turn that waits for nothing.
  void turn() { loop_->run_once(base::Instant::min(), *this); }
  // Enough turns for everything that is complete to be delivered; for showing that something does not come.
  void settle() {
    for (int i = 0; i < 20; ++i) loop_->run_once(base::now() + std::chrono::milliseconds{1}, *this);
  }
  // Turns until the answer is yes.
  template <class Condition>
  bool until(Condition&& condition) {
    const base::Instant end = base::now() + kPatience;
    while (!condition()) {
      if (base::now() > end) return false;
      loop_->run_once(base::now() + std::chrono::milliseconds{5}, *this);
    }
    return true;
  }

  net::Handle add(base::UniqueFd fd, void* owner = nullptr) { return loop_->add_stream(std::move(fd), owner).value(); }
  // Registered, and receiving.
  net::Handle receiving(base::UniqueFd fd, void* owner = nullptr) {
    const net::Handle handle = add(std::move(fd), owner);
    loop_->start_receive(handle);
    return handle;
  }

  std::vector<Event> of(Kind kind, net::Handle handle) const {
    std::vector<Event> found;
    for (const Event& event : events) {
      if (event.kind == kind && event.handle == handle) found.push_back(event);
    }
    return found;
  }
  size_t count(Kind kind, net::Handle handle) const { return of(kind, handle).size(); }
  std::string received(net::Handle handle) const {
    std::string all;
    for (const Event& event : events) {
      if (event.kind == Kind::received && event.handle == handle) all += event.data;
    }
    return all;
  }
  bool closed(net::Handle handle) const { return count(Kind::closed, handle) > 0; }
  // An end of stream or an error has been received.
  bool ended(net::Handle handle) const {
    for (const Event& event : events) {
      if (event.kind == Kind::received && event.handle == handle && event.result <= 0) return true;
    }
    return false;
  }

  // Sends all of `bytes`, however many sends that takes. The error, or 0.
  int64_t send_all(net::Handle handle, std::string_view bytes, bool more = false) {
    while (!bytes.empty()) {
      const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
      const size_t before = count(Kind::sent, handle);
      loop_->send(handle, {&piece, 1}, more);
      if (!until([&] { return count(Kind::sent, handle) > before; })) return -1;
      const int64_t result = of(Kind::sent, handle).back().result;
      if (result < 0) return result;
      bytes.remove_prefix(static_cast<size_t>(result));
    }
    return 0;
  }

 private:
  std::unique_ptr<net::EventLoop> loop_;
};

// Sends until the kernel takes no more: a send is under way, its `sent` has not come, and does not come by itself. What
// was taken counts up. `fd` is the stream's.
template <class Loop>
size_t clog(LoopRig<Loop>& rig, net::Handle handle, int fd, const std::string& bytes) {
  size_t taken = 0;
  while (true) {
    const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    const size_t before = rig.count(Kind::sent, handle);
    const auto was_sent = [&] { return rig.count(Kind::sent, handle) > before; };
    rig->send(handle, {&piece, 1}, false);
    rig.settle();
    REQUIRE(rig.until([&] { return was_sent() || peer_takes_nothing(fd); }));
    rig.settle();  // what made room just before that look
    if (!was_sent()) return taken;
    taken += static_cast<size_t>(rig.of(Kind::sent, handle).back().result);
  }
}

}  // namespace hyperion::test

TYPE_TO_STRING(hyperion::test::Epoll);
#ifdef HYPERION_LIBURING
TYPE_TO_STRING(hyperion::test::Uring);
TYPE_TO_STRING(hyperion::test::UringWithoutDefer);
TYPE_TO_STRING(hyperion::test::UringSmallBuffers);
TYPE_TO_STRING(hyperion::test::UringCramped);
#endif
