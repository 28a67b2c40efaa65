// EventLoop: the kernel refuses, interrupts, and runs short. What goes wrong is put beneath the loop (support/faults).
#include <netinet/in.h>
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

}  // namespace

TEST_CASE_TEMPLATE("loop: an interrupted wait goes on, and keeps its deadline", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  Faults faults;
  Pair pair = make_pair(Family::tcp);
  const net::Handle handle = rig.receiving(std::move(pair.ours));
  rig.settle();
  say(pair.peer, "hello");
  faults.next(Fault::wait, EINTR, 3);
  SUBCASE("without a deadline") {
    while (rig.events.empty()) rig->run_once(base::Instant::max(), rig);
  }
  SUBCASE("with one") {
    REQUIRE(rig.until([&] { return !rig.events.empty(); }));
  }
  CHECK(rig.received(handle) == "hello");
  // A loop that has found it without a wait has not met the interruption.
  faults.next(Fault::wait, EINTR, 3);
  const base::Instant deadline = base::now() + std::chrono::milliseconds{20};
  rig->run_once(deadline, rig);
  CHECK(faults.left(Fault::wait) == 0);
  CHECK(base::now() >= deadline);
}

TEST_CASE_TEMPLATE("loop: an interrupted receive goes on", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  Faults faults;
  Pair pair = make_pair(Family::tcp);
  const net::Handle handle = rig.add(std::move(pair.ours));
  say(pair.peer, "hello");
  faults.next(Fault::receive, EINTR, 3);
  rig->start_receive(handle);
  REQUIRE(rig.until([&] { return rig.received(handle) == "hello"; }));
  CHECK(faults.left(Fault::receive) == 0);
  say(pair.peer, ", world");
  CHECK(rig.until([&] { return rig.received(handle) == "hello, world"; }));
}

TEST_CASE_TEMPLATE("loop: a receive that fails is told once, and is the last", Loop, HYPERION_LOOPS) {
  for (const int error : {ECONNRESET, ETIMEDOUT, ENOMEM, EHOSTUNREACH}) {
    LoopRig<Loop> rig;
    Faults faults;
    Pair pair = make_pair(Family::tcp);
    const net::Handle handle = rig.add(std::move(pair.ours));
    say(pair.peer, "hello");
    faults.next(Fault::receive, error);
    rig->start_receive(handle);
    REQUIRE(rig.until([&] { return rig.ended(handle); }));
    CHECK(rig.events.back().result == -error);
    rig->start_receive(handle);
    rig.settle();
    CHECK(rig.events.size() == 1);
    rig->close(handle);
    CHECK(rig.until([&] { return rig.closed(handle); }));
  }
}

TEST_CASE_TEMPLATE("loop: an interrupted send takes its bytes once", Loop, HYPERION_LOOPS) {
  for (const size_t count : {1, 3}) {
    LoopRig<Loop> rig;
    Faults faults;
    Pair pair = make_pair(Family::tcp);
    const net::Handle handle = rig.add(std::move(pair.ours));
    faults.next(Fault::send, EINTR, 3);
    const std::vector<iovec> pieces(count, iovec{.iov_base = const_cast<char*>("hello"), .iov_len = 5});
    rig->send(handle, pieces, false);
    REQUIRE(rig.until([&] { return rig.count(Kind::sent, handle) > 0; }));
    CHECK(faults.left(Fault::send) == 0);
    CHECK(rig.events.back().result == static_cast<int64_t>(5 * count));
    rig->close(handle);
    REQUIRE(rig.until([&] { return rig.closed(handle); }));
    Client peer{std::move(pair.peer)};
    CHECK(peer.read_all().size() == 5 * count);
  }
}

TEST_CASE_TEMPLATE("loop: a send that fails is told, and the stream can be closed", Loop, HYPERION_LOOPS) {
  for (const int error : {EPIPE, ECONNRESET, ENOMEM, ETIMEDOUT}) {
    LoopRig<Loop> rig;
    Faults faults;
    Pair pair = make_pair(Family::tcp);
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    rig.settle();
    faults.next(Fault::send, error);
    const iovec piece{.iov_base = const_cast<char*>("hello"), .iov_len = 5};
    rig->send(handle, {&piece, 1}, false);
    REQUIRE(rig.until([&] { return !rig.events.empty(); }));
    CHECK(rig.events[0].kind == Kind::sent);
    CHECK(rig.events[0].result == -error);
    rig->close(handle);
    REQUIRE(rig.until([&] { return rig.closed(handle); }));
    CHECK(rig.events.size() == 2);
  }
}

TEST_CASE_TEMPLATE("loop: a connection that dies in the backlog costs no other", Loop, HYPERION_LOOPS) {
  for (const int error : {EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH}) {
    LoopRig<Loop> rig;
    Faults faults;
    const TestListener listener = listen_tcp();
    const net::Handle handle = rig->add_listener(listener.fd.get(), nullptr).value();
    faults.next(Fault::accept, error, 3);
    const base::UniqueFd client = connect_tcp(listener.port);
    rig->start_accept(handle);
    REQUIRE(rig.until([&] { return !rig.events.empty(); }));
    CHECK(faults.left(Fault::accept) == 0);
    REQUIRE(rig.events[0].result >= 0);
    const base::UniqueFd accepted{static_cast<int>(rig.events[0].result)};
    rig.settle();
    CHECK(rig.events.size() == 1);
  }
}

TEST_CASE_TEMPLATE("loop: an accept that fails is told once, and starts again when asked", Loop, HYPERION_LOOPS) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    LoopRig<Loop> rig;
    Faults faults;
    const TestListener listener = listen_tcp();
    const net::Handle handle = rig->add_listener(listener.fd.get(), nullptr).value();
    faults.next(Fault::accept, error);
    const base::UniqueFd client = connect_tcp(listener.port);
    rig->start_accept(handle);
    REQUIRE(rig.until([&] { return !rig.events.empty(); }));
    rig.settle();
    REQUIRE(rig.events.size() == 1);
    CHECK(rig.events[0].result == -error);
    rig->start_accept(handle);
    REQUIRE(rig.until([&] { return rig.events.size() == 2; }));
    REQUIRE(rig.events[1].result >= 0);
    const base::UniqueFd accepted{static_cast<int>(rig.events[1].result)};
  }
}

}  // namespace hyperion::test
