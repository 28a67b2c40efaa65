// UringLoop: what only a ring can do wrong, what it costs, and when it is not there at all. What it owes as an
// EventLoop stands in event_loop_*_test.cpp.
#ifdef HYPERION_LIBURING

#include "net/uring_loop.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "net/event_loop_group.hpp"
#include "support/faults.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

void say(const base::UniqueFd& fd, std::string_view bytes) {
  REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

// Null where io_uring cannot be had: the test has nothing to say then.
template <class Loop>
net::UringLoop* ring_of(LoopRig<Loop>& rig) {
  return dynamic_cast<net::UringLoop*>(&rig.loop());
}

// Everything that is with the kernel ends with ECANCELED, and the loop has not asked for it (6.0).
bool cancel_everything(const net::UringLoop& ring) {
  io_uring_sync_cancel_reg order{};
  order.fd = -1;
  order.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
  order.timeout.tv_sec = order.timeout.tv_nsec = -1;
  return ::io_uring_register(static_cast<unsigned>(ring.ring_fd()), IORING_REGISTER_SYNC_CANCEL, &order, 1) >= 0;
}

std::string reason_for(int error, int disabled = -1) {
  return net::explain({.step = net::UringFacts::Step::ring,
                       .error = error,
                       .disabled = disabled,
                       .locked_memory = 64 * 1024,
                       .release = "5.10.0-test"});
}

bool has(std::string_view text, std::string_view word) { return text.find(word) != std::string_view::npos; }

}  // namespace

#define HYPERION_RINGS Uring, UringWithoutDefer, UringSmallBuffers, UringCramped

TEST_CASE_TEMPLATE("uring: whatever the kernel cancels is begun again", Loop, HYPERION_RINGS) {
  LoopRig<Loop> rig;
  net::UringLoop* ring = ring_of(rig);
  if (ring == nullptr) return;
  const TestListener listener = listen_tcp();
  const net::Handle accepting = rig->add_listener(listener.fd.get(), nullptr).value();
  rig->start_accept(accepting);
  Pair pair = make_pair(Family::tcp);
  const net::Handle receiving = rig.receiving(std::move(pair.ours));
  Pair full = make_pair(Family::tcp);
  shrink_buffers(full.ours.get());
  const int fd = full.ours.get();
  const net::Handle sending = rig.add(std::move(full.ours));
  const std::string bytes = pattern(3'000'000);
  size_t taken = clog(rig, sending, fd, bytes);
  // A send that is begun again may find a little room, at any time: the socket says so only from a third on.
  const auto refill = [&] {
    const auto sent = rig.of(Kind::sent, sending);
    if (sent.empty()) return;
    REQUIRE(sent.size() == 1);
    REQUIRE(sent[0].result > 0);
    taken += static_cast<size_t>(sent[0].result) + clog(rig, sending, fd, bytes);
    rig.events.clear();
  };
  for (int round = 0; round < 3; ++round) {
    rig.events.clear();
    REQUIRE(cancel_everything(*ring));
    rig.settle();
    CHECK(rig.events.size() == rig.count(Kind::sent, sending));
    refill();
    say(pair.peer, "hello");
    REQUIRE(rig.until([&] { return rig.received(receiving) == "hello"; }));
    const base::UniqueFd client = connect_tcp(listener.port);
    REQUIRE(rig.until([&] { return rig.count(Kind::accepted, accepting) == 1; }));
    const base::UniqueFd accepted{static_cast<int>(rig.of(Kind::accepted, accepting)[0].result)};
    rig->wakeup().ring();
    rig->run_once(base::Instant::max(), rig);  // would wait for ever
    refill();
  }
  // The send is still the same one.
  rig.events.clear();
  Client peer{std::move(full.peer)};
  std::string got;
  REQUIRE(rig.until([&] {
    if (peer.readable({})) got += peer.receive();
    return rig.count(Kind::sent, sending) > 0;
  }));
  CHECK(rig.of(Kind::sent, sending)[0].result > 0);
  taken += static_cast<size_t>(rig.of(Kind::sent, sending)[0].result);
  rig->close(sending);
  REQUIRE(rig.until([&] { return rig.closed(sending); }));
  got += peer.read_all();
  CHECK(got.size() == taken);
}

TEST_CASE_TEMPLATE("uring: an operation that ends for no reason of its own is begun again", Loop, HYPERION_RINGS) {
  for (const int error : {EINTR, ECANCELED, ENOBUFS, EAGAIN}) {
    CAPTURE(error);
    LoopRig<Loop> rig;
    if (ring_of(rig) == nullptr) return;
    Faults faults;
    Pair pair = make_pair(Family::tcp);
    const net::Handle handle = rig.add(std::move(pair.ours));
    faults.next(Fault::receive, error, 5);
    faults.next(Fault::send, error == ENOBUFS ? EAGAIN : error, 5);
    if (error != EAGAIN) faults.next(Fault::poll, error == ENOBUFS ? EINTR : error, 5);
    rig->start_receive(handle);
    const iovec piece{.iov_base = const_cast<char*>("out"), .iov_len = 3};
    rig->send(handle, {&piece, 1}, false);
    say(pair.peer, "in");
    REQUIRE(rig.until([&] { return rig.received(handle) == "in" && rig.count(Kind::sent, handle) == 1; }));
    CHECK(rig.of(Kind::sent, handle)[0].result == 3);
    CHECK(faults.left(Fault::receive) == 0);
    CHECK(faults.left(Fault::send) == 0);
    Client peer{std::move(pair.peer)};
    CHECK(peer.read(3) == "out");
    peer.reset();
    REQUIRE(rig.until([&] { return rig.ended(handle); }));
    rig->close(handle);
    REQUIRE(rig.until([&] { return rig.closed(handle); }));
  }
}

TEST_CASE_TEMPLATE("uring: a kernel without memory for a call is asked again", Loop, HYPERION_RINGS) {
  for (const int error : {EAGAIN, EBUSY, ENOMEM}) {
    LoopRig<Loop> rig;
    if (ring_of(rig) == nullptr) return;
    Faults faults;
    std::vector<Pair> pairs;
    std::vector<net::Handle> handles;
    for (int i = 0; i < 20; ++i) {
      pairs.push_back(make_pair(Family::tcp));
      faults.next(Fault::wait, error, 2);
      handles.push_back(rig.receiving(std::move(pairs.back().ours)));
      say(pairs.back().peer, "hello");
    }
    for (const net::Handle handle : handles) {
      REQUIRE(rig.until([&] { return rig.received(handle) == "hello"; }));
      faults.next(Fault::wait, error, 2);
      rig->close(handle);
      REQUIRE(rig.until([&] { return rig.closed(handle); }));
    }
    CHECK(rig.events.size() == 40);
  }
}

TEST_CASE_TEMPLATE("uring: more completions than its queue holds, and none is lost", Loop, HYPERION_RINGS) {
  LoopRig<Loop> rig;
  if (ring_of(rig) == nullptr) return;
  constexpr size_t kStreams = 200;
  std::vector<Pair> pairs;
  std::vector<net::Handle> handles;
  for (size_t i = 0; i < kStreams; ++i) {
    pairs.push_back(make_pair(Family::unix_stream));
    handles.push_back(rig.receiving(std::move(pairs.back().ours)));
  }
  rig.settle();
  for (int round = 0; round < 3; ++round) {
    rig.events.clear();
    for (const Pair& pair : pairs) say(pair.peer, "hello");
    REQUIRE(rig.until([&] { return rig.events.size() >= kStreams; }));
    for (const net::Handle handle : handles) CHECK(rig.received(handle) == "hello");
  }
  rig.events.clear();
  pairs.clear();
  REQUIRE(rig.until([&] { return rig.events.size() >= kStreams; }));
  for (const net::Handle handle : handles) CHECK(rig.ended(handle));
  for (const net::Handle handle : handles) rig->close(handle);
  REQUIRE(rig.until([&] { return rig.events.size() >= 2 * kStreams; }));
  for (const net::Handle handle : handles) CHECK(rig.closed(handle));
}

TEST_CASE_TEMPLATE("uring: without buffers a stream waits for its turn, and nobody starves", Loop, HYPERION_RINGS) {
  LoopRig<Loop> rig;
  if (ring_of(rig) == nullptr) return;
  // Two buffers of 128 bytes at the smallest; each stream has more than all of them hold.
  constexpr size_t kStreams = 20;
  std::vector<Pair> pairs;
  std::vector<net::Handle> handles;
  const std::string bytes = pattern(50'000);
  for (size_t i = 0; i < kStreams; ++i) {
    pairs.push_back(make_pair(Family::unix_stream));
    handles.push_back(rig.receiving(std::move(pairs.back().ours)));
    say(pairs.back().peer, bytes);
    pairs.back().peer.reset();
  }
  REQUIRE(rig.until([&] {
    size_t ended = 0;
    for (const net::Handle handle : handles) ended += rig.ended(handle) ? 1 : 0;
    return ended == kStreams;
  }));
  for (const net::Handle handle : handles) CHECK(rig.received(handle) == bytes);
}

TEST_CASE_TEMPLATE("uring: under load an enter serves many requests", Loop, Uring, UringWithoutDefer) {
  LoopRig<Loop> rig;
  net::UringLoop* ring = ring_of(rig);
  if (ring == nullptr) return;
  constexpr size_t kStreams = 50;
  constexpr size_t kRounds = 20;
  std::vector<Pair> pairs;
  size_t answered = 0;
  const iovec answer{.iov_base = const_cast<char*>("answer"), .iov_len = 6};
  rig.hook = [&](const net::Completion& completion) {
    if (completion.kind == Kind::received) rig->send(completion.handle, {&answer, 1}, false);
    if (completion.kind == Kind::sent) ++answered;
    rig.events.clear();
  };
  for (size_t i = 0; i < kStreams; ++i) {
    pairs.push_back(make_pair(Family::tcp));
    rig.receiving(std::move(pairs.back().ours));
  }
  rig.settle();
  const uint64_t enters = ring->enters();
  const uint64_t armed = ring->receives_armed();
  for (size_t round = 1; round <= kRounds; ++round) {
    for (const Pair& pair : pairs) say(pair.peer, "request");
    REQUIRE(rig.until([&] { return answered == round * kStreams; }));
  }
  // One that receives, one that sends, and the time that a test is interrupted.
  CHECK(ring->enters() - enters <= answered / 5);
  // One receive serves a connection for as long as it lives, where the kernel lets it.
  if (std::is_same_v<Loop, Uring>) CHECK(ring->receives_armed() - armed <= kStreams);
}

TEST_CASE("uring: the reason why it cannot be had") {
  CHECK(has(reason_for(EPERM, 2), "io_uring_disabled is 2"));
  CHECK(has(reason_for(EPERM, 1), "io_uring_disabled is 1"));
  CHECK(has(reason_for(EPERM, 0), "seccomp"));
  CHECK(has(reason_for(EPERM), "seccomp"));
  CHECK(has(reason_for(EACCES), "security module"));
  CHECK(has(reason_for(ENOSYS), "no io_uring"));
  CHECK(has(reason_for(ENOMEM), "ulimit -l is 64 KiB"));
  CHECK(has(reason_for(EMFILE), "descriptor"));
  CHECK(has(reason_for(ENFILE), "descriptor"));
  for (const int error : {EINVAL, EOPNOTSUPP, ETIMEDOUT}) {
    CHECK(has(reason_for(error), "too old"));
    CHECK(has(reason_for(error), "5.10.0-test"));
  }
  CHECK(has(reason_for(EIO), "no ring can be made"));
  CHECK(has(net::explain({.step = net::UringFacts::Step::buffers, .error = EIO}), "enabled"));
  CHECK(has(net::explain({.step = net::UringFacts::Step::receive, .error = EIO}), "a trial failed"));
}

TEST_CASE("uring: the trial tells what stands in the way, at whichever step it does") {
  if (!net::probe_uring().usable()) return;
  const size_t before = open_descriptors();
  {
    Faults faults;
    for (const Fault step : {Fault::ring, Fault::buffers, Fault::enable}) {
      for (const int error : {EPERM, ENOSYS, ENOMEM, EMFILE, EINVAL, EIO}) {
        CAPTURE(error);
        // A ring is asked for twice where the first way is unknown.
        faults.next(step, error, step == Fault::ring && error == EINVAL ? 2 : 1);
        const net::UringProbe probe = net::probe_uring();
        CHECK_FALSE(probe.usable());
        CHECK(faults.left(step) == 0);
        if (error != EIO && error != EPERM) {
          const std::string_view words = error == ENOSYS   ? "no io_uring"
                                         : error == ENOMEM ? "locked memory"
                                         : error == EMFILE ? "descriptor"
                                                           : "too old";
          CHECK(has(probe.reason, words));
        }
      }
    }
    // An older kernel takes the ring, but not the way to receive.
    faults.next(Fault::receive, EINVAL);
    CHECK(has(net::probe_uring().reason, "too old"));
    // Without SINGLE_ISSUER and DEFER_TASKRUN it works.
    faults.next(Fault::ring, EINVAL);
    CHECK(net::probe_uring().usable());
  }
  CHECK(net::probe_uring().usable());
  CHECK(open_descriptors() == before);
}

}  // namespace hyperion::test

#endif
