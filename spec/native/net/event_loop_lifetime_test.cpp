// EventLoop: close, detach, handles, destruction.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "net/event_loop_group.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

void say(const base::UniqueFd& fd, std::string_view bytes) {
  REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

}  // namespace

TEST_CASE_TEMPLATE("loop: close ends everything under way, and `closed` is the last word", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const int fd = pair.ours.get();
    shrink_buffers(pair.ours.get());
    int owner = 0;
    const net::Handle handle = rig.receiving(std::move(pair.ours), &owner);
    const std::string bytes = pattern(300'000);
    clog(rig, handle, fd, bytes);
    say(pair.peer, "unread");
    rig.events.clear();
    rig->close(handle);
    rig->close(handle);  // once is enough
    REQUIRE(rig.until([&] { return rig.closed(handle); }));
    rig.settle();
    REQUIRE(rig.events.size() == 1);
    CHECK(rig.events[0].result == -1);
    CHECK(rig.events[0].owner == &owner);
    Client peer{std::move(pair.peer)};
    peer.read_all();
    CHECK(peer.ended());
  }
}

TEST_CASE_TEMPLATE("loop: a completed send is not told after close", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  Pair pair = make_pair(Family::tcp);
  const net::Handle handle = rig.receiving(std::move(pair.ours));
  const iovec piece{.iov_base = const_cast<char*>("hello"), .iov_len = 5};
  rig->send(handle, {&piece, 1}, false);
  rig->close(handle);
  REQUIRE(rig.until([&] { return rig.closed(handle); }));
  rig.settle();
  CHECK(rig.events.size() == 1);
}

TEST_CASE_TEMPLATE("loop: what is asked of a handle after close is ignored", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  Pair pair = make_pair(Family::tcp);
  const net::Handle handle = rig.add(std::move(pair.ours));
  const iovec piece{.iov_base = const_cast<char*>("hello"), .iov_len = 5};
  const auto ask_everything = [&] {
    rig->start_receive(handle);
    rig->stop_receive(handle);
    rig->send(handle, {&piece, 1}, false);
    rig->shutdown_send(handle);
    rig->start_accept(handle);
    rig->stop_accept(handle);
    rig->close(handle);
    rig->detach(handle);
  };
  rig->close(handle);
  ask_everything();
  REQUIRE(rig.until([&] { return rig.closed(handle); }));
  ask_everything();
  ask_everything();
  rig.settle();
  CHECK(rig.events.size() == 1);
}

TEST_CASE_TEMPLATE("loop: an old handle never means a later stream", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  std::vector<net::Handle> old;
  for (int i = 0; i < 100; ++i) {
    Pair pair = make_pair(Family::unix_stream);
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    for (const net::Handle other : old) {
      CHECK_FALSE(other == handle);
      rig->close(other);
      rig->stop_receive(other);
    }
    say(pair.peer, "x");
    REQUIRE(rig.until([&] { return rig.received(handle) == "x"; }));
    rig->close(handle);
    REQUIRE(rig.until([&] { return rig.closed(handle); }));
    old.push_back(handle);
  }
}

TEST_CASE_TEMPLATE("loop: a stream is closed within its own delivery", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    say(pair.peer, std::string(10'000, 'x'));
    ::shutdown(pair.peer.get(), SHUT_WR);
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    rig.hook = [&](const net::Completion& completion) {
      if (completion.kind == Kind::received) rig->close(handle);
    };
    REQUIRE(rig.until([&] { return rig.closed(handle); }));
    rig.settle();
    CHECK(rig.events.size() == 2);
    CHECK(rig.events.back().kind == Kind::closed);
  }
}

TEST_CASE_TEMPLATE("loop: a stream is closed within the delivery of another, whose events wait", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  Pair pairs[2] = {make_pair(Family::tcp), make_pair(Family::tcp)};
  net::Handle handles[2];
  for (int i = 0; i < 2; ++i) {
    say(pairs[i].peer, "hello");
    handles[i] = rig.add(std::move(pairs[i].ours));
  }
  net::Handle victim;
  Pair newcomer = make_pair(Family::tcp);
  say(newcomer.peer, "new");
  net::Handle fresh;
  rig.hook = [&](const net::Completion& completion) {
    if (completion.kind != Kind::received || victim.valid()) return;
    victim = completion.handle == handles[0] ? handles[1] : handles[0];
    rig->close(victim);
    // It may get the victim's place; the victim's events are not its own.
    fresh = rig.receiving(std::move(newcomer.ours));
  };
  for (const net::Handle handle : handles) rig->start_receive(handle);
  REQUIRE(rig.until([&] { return victim.valid() && rig.closed(victim) && rig.received(fresh) == "new"; }));
  rig.settle();
  CHECK(rig.count(Kind::received, victim) == 0);
  CHECK(rig.received(fresh) == "new");
}

TEST_CASE_TEMPLATE("loop: a detached descriptor works on, bytes that wait included", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    rig.settle();
    rig->stop_receive(handle);
    rig.settle();
    say(pair.peer, "for the new owner");
    rig.settle();
    rig->detach(handle);
    REQUIRE(rig.until([&] { return rig.closed(handle); }));
    REQUIRE(rig.events.back().result >= 0);
    const base::UniqueFd fd{static_cast<int>(rig.events.back().result)};
    CHECK(rig.received(handle).empty());
    char bytes[64];
    CHECK(::recv(fd.get(), bytes, sizeof bytes, 0) == 17);
    CHECK(::send(fd.get(), "back", 4, 0) == 4);
    Client peer{std::move(pair.peer)};
    CHECK(peer.read(4) == "back");
    // The loop has forgotten it.
    const size_t count = rig.events.size();
    REQUIRE(peer.send("more"));
    rig.settle();
    CHECK(rig.events.size() == count);
    // A later registration of the same descriptor is a new one.
    const net::Handle again = rig.receiving(base::UniqueFd{::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)});
    CHECK(rig.until([&] { return rig.received(again) == "more"; }));
  }
}

TEST_CASE_TEMPLATE("loop: closing ends the connection although a copy of the descriptor lives", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    // As a forked child would hold it.
    const base::UniqueFd copy{::fcntl(pair.ours.get(), F_DUPFD_CLOEXEC, 0)};
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    rig.settle();
    rig->close(handle);
    REQUIRE(rig.until([&] { return rig.closed(handle); }));
    Client peer{std::move(pair.peer)};
    CHECK(peer.read_all().empty());
    CHECK(peer.ended());
    // And the copy's events are nobody's.
    peer.send("anybody?");
    rig.settle();
    CHECK(rig.events.size() == 1);
  }
}

TEST_CASE_TEMPLATE("loop: a destroyed loop leaves nothing open", Loop, HYPERION_LOOPS) {
  const size_t before = open_descriptors();
  {
    LoopRig<Loop> rig;
    Pair receiving = make_pair(Family::tcp);
    Pair clogged = make_pair(Family::tcp);
    Pair detached = make_pair(Family::tcp);
    Pair closed = make_pair(Family::tcp);
    rig.receiving(std::move(receiving.ours));
    const int fd = clogged.ours.get();
    const net::Handle busy = rig.add(std::move(clogged.ours));
    const std::string bytes = pattern(8'000'000);
    clog(rig, busy, fd, bytes);
    rig->detach(rig.add(std::move(detached.ours)));
    rig->close(rig.add(std::move(closed.ours)));
    rig.destroy_loop();
    Client peer{std::move(receiving.peer)};
    CHECK(peer.read_all().empty());
    CHECK(peer.ended());
  }
  CHECK(open_descriptors() == before);
}

}  // namespace hyperion::test
