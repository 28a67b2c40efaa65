// EventLoop: sending.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/temporary_file.hpp"
#include "net/event_loop_group.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

base::UniqueFd file_with(std::string_view bytes) {
  base::UniqueFd file = std::move(base::open_temporary_file()).value();
  REQUIRE(::pwrite(file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return file;
}

// The file from `offset` on, by as many calls as it takes. The error, or 0.
template <class Loop>
int64_t send_file_all(LoopRig<Loop>& rig, net::Handle handle, int file, uint64_t offset, uint64_t size) {
  while (size > 0) {
    const size_t before = rig.count(Kind::sent, handle);
    rig->send_file(handle, file, offset, size);
    if (!rig.until([&] { return rig.count(Kind::sent, handle) > before; })) return -1;
    const int64_t result = rig.of(Kind::sent, handle).back().result;
    if (result < 0) return result;
    REQUIRE(static_cast<uint64_t>(result) <= size);
    offset += static_cast<uint64_t>(result);
    size -= static_cast<uint64_t>(result);
  }
  return 0;
}

}  // namespace

TEST_CASE_TEMPLATE("loop: what is sent arrives", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    int owner = 0;
    const net::Handle handle = rig.add(std::move(pair.ours), &owner);
    REQUIRE(rig.send_all(handle, "hello") == 0);
    CHECK(rig.events.back().owner == &owner);
    CHECK(rig.events.back().result == 5);
    Client peer{std::move(pair.peer)};
    CHECK(peer.read(5) == "hello");
    rig.settle();
    CHECK(rig.events.size() == 1);
  }
}

TEST_CASE_TEMPLATE("loop: what is sent has left, or is pending and leaves with the next turn", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const net::Handle handle = rig.add(std::move(pair.ours));
    rig.settle();
    CHECK_FALSE(rig->sends_pending());
    const iovec piece{.iov_base = const_cast<char*>("hello"), .iov_len = 5};
    rig->send(handle, {&piece, 1}, false);
    if (rig->sends_pending()) rig->run_once(base::Instant::min(), rig);
    CHECK_FALSE(rig->sends_pending());
    char bytes[8];
    CHECK(::recv(pair.peer.get(), bytes, sizeof bytes, MSG_DONTWAIT) == 5);
    REQUIRE(rig.until([&] { return !rig.events.empty(); }));
    CHECK(rig.events.back().result == 5);
  }
}

TEST_CASE_TEMPLATE("loop: what the peer has not confirmed", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    shrink_buffers(pair.peer.get());
    int owner = 0;
    const net::Handle handle = rig.add(std::move(pair.ours), &owner);
    CHECK(rig->unconfirmed(handle) == 0);
    // As much as goes: the peer's buffer is smaller, so a part stays with the kernel.
    const std::string bytes(4 << 20, 'x');
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    rig->send(handle, {&piece, 1}, false);
    REQUIRE(rig.until([&] { return rig->unconfirmed(handle) > 0; }));
    rig->close(handle);
    REQUIRE(rig.until([&] { return rig.count(Kind::closed, handle) == 1; }));
    CHECK(rig->unconfirmed(handle) == 0);
  }
}

TEST_CASE_TEMPLATE("loop: a full socket makes a send wait, and nothing is lost or doubled", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    shrink_buffers(pair.ours.get());
    shrink_buffers(pair.peer.get());
    const net::Handle handle = rig.add(std::move(pair.ours));
    const std::string bytes = pattern(1'000'000);
    size_t sent = 0;
    bool under_way = false;
    const auto submit = [&] {
      const iovec piece{.iov_base = const_cast<char*>(bytes.data()) + sent, .iov_len = bytes.size() - sent};
      under_way = true;
      rig->send(handle, {&piece, 1}, false);
    };
    rig.hook = [&](const net::Completion& completion) {
      REQUIRE(completion.kind == Kind::sent);
      REQUIRE(completion.result >= 1);
      sent += static_cast<size_t>(completion.result);
      under_way = false;
      if (sent < bytes.size()) submit();
    };
    submit();
    rig.settle();
    CHECK(under_way);  // the socket is full
    CHECK(sent < bytes.size());
    std::string got;
    std::thread reader{[&] {
      Client peer{std::move(pair.peer)};
      got = peer.read(bytes.size());
    }};
    CHECK(rig.until([&] { return sent == bytes.size(); }));
    reader.join();
    CHECK(got == bytes);
    CHECK_FALSE(under_way);
  }
}

TEST_CASE_TEMPLATE("loop: one send of a thousand pieces", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const net::Handle handle = rig.add(std::move(pair.ours));
    const std::string bytes = pattern(2000 * 7);
    std::vector<iovec> pieces;
    for (size_t i = 0; i < 2000; ++i) {
      pieces.push_back({.iov_base = const_cast<char*>(bytes.data()) + i * 7, .iov_len = 7});
    }
    size_t sent = 0;
    while (sent < bytes.size()) {
      const size_t before = rig.events.size();
      // What is left, from the first piece that has not left whole.
      std::vector<iovec> rest(pieces.begin() + static_cast<ptrdiff_t>(sent / 7), pieces.end());
      rest[0].iov_base = static_cast<char*>(rest[0].iov_base) + sent % 7;
      rest[0].iov_len -= sent % 7;
      rig->send(handle, rest, false);
      REQUIRE(rig.until([&] { return rig.events.size() > before; }));
      REQUIRE(rig.events.back().result > 0);
      sent += static_cast<size_t>(rig.events.back().result);
    }
    Client peer{std::move(pair.peer)};
    CHECK(peer.read(bytes.size()) == bytes);
  }
}

TEST_CASE_TEMPLATE("loop: what is announced to be followed by more is not kept back for ever", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const net::Handle handle = rig.add(std::move(pair.ours));
    REQUIRE(rig.send_all(handle, "head ", true) == 0);
    REQUIRE(rig.send_all(handle, "body", false) == 0);
    Client peer{std::move(pair.peer)};
    CHECK(peer.read(9) == "head body");
  }
}

TEST_CASE_TEMPLATE("loop: a stream receives while a send waits", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    shrink_buffers(pair.ours.get());
    const int fd = pair.ours.get();
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    const std::string bytes = pattern(300'000);
    const size_t taken = clog(rig, handle, fd, bytes);
    const size_t before = rig.count(Kind::sent, handle);
    REQUIRE(::send(pair.peer.get(), "ping", 4, 0) == 4);
    CHECK(rig.until([&] { return rig.received(handle) == "ping"; }));
    // The waiting send goes on when there is room.
    Client peer{std::move(pair.peer)};
    CHECK(peer.read(taken).size() == taken);
    CHECK(rig.until([&] { return rig.count(Kind::sent, handle) > before; }));
  }
}

TEST_CASE_TEMPLATE("loop: sending to a peer that is gone is an error, not a signal", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const net::Handle handle = rig.add(std::move(pair.ours));
    reset(pair.peer);
    int64_t result = 0;
    // TCP takes the first bytes before it hears of the reset.
    for (int i = 0; i < 100 && result == 0; ++i) result = rig.send_all(handle, "hello?");
    CHECK((result == -EPIPE || result == -ECONNRESET));
  }
}

TEST_CASE_TEMPLATE("loop: a waiting send ends with an error when the peer resets", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    shrink_buffers(pair.ours.get());
    const int fd = pair.ours.get();
    const net::Handle handle = rig.add(std::move(pair.ours));
    const std::string bytes = pattern(300'000);
    clog(rig, handle, fd, bytes);
    const size_t before = rig.count(Kind::sent, handle);
    reset(pair.peer);
    REQUIRE(rig.until([&] { return rig.count(Kind::sent, handle) > before; }));
    CHECK(rig.of(Kind::sent, handle).back().result < 0);
  }
}

TEST_CASE_TEMPLATE("loop: a file is sent from any offset, to a slow reader too", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    shrink_buffers(pair.ours.get());
    shrink_buffers(pair.peer.get());
    const net::Handle handle = rig.add(std::move(pair.ours));
    const std::string bytes = pattern(2'000'000);
    const base::UniqueFd file = file_with(bytes);
    std::string got;
    std::thread reader{[&] {
      Client peer{std::move(pair.peer)};
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
      got = peer.read(5 + bytes.size() - 12345);
    }};
    CHECK(rig.send_all(handle, "head:", true) == 0);
    CHECK(send_file_all(rig, handle, file.get(), 12345, bytes.size() - 12345) == 0);
    reader.join();
    CHECK(got == "head:" + bytes.substr(12345));
    // The position of the file belongs to others.
    CHECK(::lseek(file.get(), 0, SEEK_CUR) == 0);
  }
}

TEST_CASE_TEMPLATE("loop: a file that became shorter is an error", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const net::Handle handle = rig.add(std::move(pair.ours));
    const base::UniqueFd file = file_with("ten bytes!");
    CHECK(send_file_all(rig, handle, file.get(), 4, 100) == -EIO);
    Client peer{std::move(pair.peer)};
    CHECK(peer.read(6) == "bytes!");
  }
}

TEST_CASE_TEMPLATE("loop: after shutdown_send the peer sees the end and may still talk", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    REQUIRE(rig.send_all(handle, "bye") == 0);
    rig->shutdown_send(handle);
    Client peer{std::move(pair.peer)};
    CHECK(peer.read_all() == "bye");
    CHECK(peer.ended());
    CHECK_FALSE(peer.was_reset());
    CHECK(peer.send("wait"));
    CHECK(rig.until([&] { return rig.received(handle) == "wait"; }));
    peer.close();
    CHECK(rig.until([&] { return rig.ended(handle); }));
    CHECK(rig.events.back().result == 0);
  }
}

}  // namespace hyperion::test
