// EventLoop: receiving.
#include <sys/socket.h>

#include <thread>

#include "net/event_loop_group.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

void say(const base::UniqueFd& fd, std::string_view bytes) {
  REQUIRE(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

}  // namespace

TEST_CASE_TEMPLATE("loop: bytes arrive with their size and owner", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    int owner = 0;
    const net::Handle handle = rig.receiving(std::move(pair.ours), &owner);
    for (const std::string_view word : {"one", "two", "three"}) {
      const size_t before = rig.events.size();
      say(pair.peer, word);
      REQUIRE(rig.until([&] { return rig.events.size() > before; }));
      CHECK(rig.events.back().kind == Kind::received);
      CHECK(rig.events.back().owner == &owner);
      CHECK(rig.events.back().data == word);
      CHECK(rig.events.back().result == static_cast<int64_t>(word.size()));
    }
    rig.settle();
    CHECK(rig.events.size() == 3);
    CHECK(rig.received(handle) == "onetwothree");
  }
}

TEST_CASE_TEMPLATE("loop: the end of the stream comes once, after all bytes", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    for (const bool together : {false, true}) {
      LoopRig<Loop> rig;
      Pair pair = make_pair(family);
      const net::Handle handle = rig.add(std::move(pair.ours));
      if (!together) rig->start_receive(handle);
      say(pair.peer, "last words");
      if (!together) REQUIRE(rig.until([&] { return rig.received(handle) == "last words"; }));
      ::shutdown(pair.peer.get(), SHUT_WR);
      if (together) {
        rig.settle();  // data and end are both there before the first look
        rig->start_receive(handle);
      }
      REQUIRE(rig.until([&] { return rig.ended(handle); }));
      CHECK(rig.received(handle) == "last words");
      CHECK(rig.events.back().result == 0);
      CHECK(rig.events.back().data.empty());
      const size_t count = rig.events.size();
      rig->start_receive(handle);  // nothing more can come
      rig.settle();
      CHECK(rig.events.size() == count);
    }
  }
}

TEST_CASE_TEMPLATE("loop: more bytes than any buffer holds arrive whole and in order", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const std::string bytes = pattern(3'000'001);
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    std::thread sender{[&] {
      std::string_view rest = bytes;
      while (!rest.empty()) {
        const ssize_t sent = ::send(pair.peer.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        rest.remove_prefix(static_cast<size_t>(sent));
      }
      ::shutdown(pair.peer.get(), SHUT_WR);
    }};
    CHECK(rig.until([&] { return rig.ended(handle); }));
    sender.join();
    CHECK(rig.received(handle) == bytes);
  }
}

TEST_CASE_TEMPLATE("loop: what waits since before the start is delivered", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    say(pair.peer, "early");
    const net::Handle handle = rig.add(std::move(pair.ours));
    rig.settle();
    CHECK(rig.events.empty());
    rig->start_receive(handle);
    CHECK(rig.until([&] { return rig.received(handle) == "early"; }));
  }
}

TEST_CASE_TEMPLATE("loop: receiving stops and goes on with what came meanwhile", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    rig.hook = [&](const net::Completion&) { rig->stop_receive(handle); };
    const std::string bytes = pattern(100'000);
    std::string_view rest = bytes;
    // As much as fits without a reader.
    while (!rest.empty()) {
      const ssize_t sent = ::send(pair.peer.get(), rest.data(), rest.size(), MSG_DONTWAIT);
      if (sent <= 0) break;
      rest.remove_prefix(static_cast<size_t>(sent));
    }
    const size_t total = bytes.size() - rest.size();
    REQUIRE(rig.until([&] { return !rig.events.empty(); }));
    rig.settle();
    // Started again without a new byte on the socket: no event of the kernel will tell.
    size_t starts = 0;
    while (rig.received(handle).size() < total && ++starts < 1000) {
      const size_t before = rig.events.size();
      rig->start_receive(handle);
      REQUIRE(rig.until([&] { return rig.events.size() > before; }));
    }
    CHECK(rig.received(handle) == bytes.substr(0, total));
    rig->start_receive(handle);
    rig->stop_receive(handle);
    say(pair.peer, "later");
    rig.settle();
    CHECK(rig.received(handle).size() == total);
    rig->start_receive(handle);
    CHECK(rig.until([&] { return rig.received(handle).size() == total + 5; }));
  }
}

TEST_CASE_TEMPLATE("loop: an end of stream while receiving is stopped is not lost", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair pair = make_pair(family);
    const net::Handle handle = rig.receiving(std::move(pair.ours));
    say(pair.peer, "first");
    REQUIRE(rig.until([&] { return rig.received(handle) == "first"; }));
    rig->stop_receive(handle);
    rig.settle();
    say(pair.peer, "second");
    ::shutdown(pair.peer.get(), SHUT_WR);
    rig.settle();
    CHECK_FALSE(rig.ended(handle));
    rig->start_receive(handle);
    REQUIRE(rig.until([&] { return rig.ended(handle); }));
    CHECK(rig.received(handle) == "firstsecond");
    CHECK(rig.events.back().result == 0);
  }
}

TEST_CASE_TEMPLATE("loop: a reset is an error, once", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  Pair pair = make_pair(Family::tcp);
  const net::Handle handle = rig.receiving(std::move(pair.ours));
  SUBCASE("of a silent connection") {}
  SUBCASE("after bytes that were read") {
    say(pair.peer, "hello");
    REQUIRE(rig.until([&] { return rig.received(handle) == "hello"; }));
  }
  reset(pair.peer);
  REQUIRE(rig.until([&] { return rig.ended(handle); }));
  CHECK(rig.events.back().result == -ECONNRESET);
  const size_t count = rig.events.size();
  rig->start_receive(handle);
  rig.settle();
  CHECK(rig.events.size() == count);
}

TEST_CASE_TEMPLATE("loop: a reset while receiving is stopped is told by the next start at the latest", Loop,
                   HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  Pair pair = make_pair(Family::tcp);
  const net::Handle handle = rig.receiving(std::move(pair.ours));
  rig.settle();
  rig->stop_receive(handle);
  rig.settle();
  SUBCASE("nothing waits") {}
  SUBCASE("bytes wait") { say(pair.peer, "unread"); }
  reset(pair.peer);
  rig.settle();
  rig->start_receive(handle);
  REQUIRE(rig.until([&] { return rig.ended(handle); }));
  CHECK(rig.events.back().result < 0);
  rig.settle();
  CHECK(rig.events.back().result < 0);
  CHECK((rig.received(handle).empty() || rig.received(handle) == "unread"));
}

TEST_CASE_TEMPLATE("loop: an end that comes together with bytes is told after them", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    // 12,000 bytes: more than the 33 small buffers that one receive fills at once, and less than there are.
    for (const size_t size : {1, 200, 12'000, 20'000}) {
      for (const bool started : {false, true}) {
        for (const bool resets : {false, true}) {
          CAPTURE(size);
          CAPTURE(started);
          CAPTURE(resets);
          LoopRig<Loop> rig;
          Pair pair = make_pair(family);
          const net::Handle handle = rig.add(std::move(pair.ours));
          if (started) {
            rig->start_receive(handle);
            rig.settle();
          }
          const std::string bytes = pattern(size);
          say(pair.peer, bytes);
          resets ? reset(pair.peer) : pair.peer.reset();
          if (!started) rig->start_receive(handle);
          REQUIRE(rig.until([&] { return rig.ended(handle); }));
          CHECK(rig.received(handle) == bytes);
          CHECK(rig.events.back().result == (resets && family == Family::tcp ? -ECONNRESET : 0));
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("loop: a unix peer that leaves bytes unread is a reset", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  Pair pair = make_pair(Family::unix_stream);
  const net::Handle handle = rig.receiving(std::move(pair.ours));
  REQUIRE(rig.send_all(handle, "never read") == 0);
  pair.peer.reset();
  REQUIRE(rig.until([&] { return rig.ended(handle); }));
  CHECK(rig.events.back().result == -ECONNRESET);
}

TEST_CASE_TEMPLATE("loop: what a unix peer sent before it left bytes unread comes first", Loop, HYPERION_LOOPS) {
  for (const size_t size : {1, 2'000, 100'000}) {
    for (const bool stopped : {false, true}) {
      CAPTURE(size);
      CAPTURE(stopped);
      LoopRig<Loop> rig;
      Pair pair = make_pair(Family::unix_stream);
      const net::Handle handle = rig.receiving(std::move(pair.ours));
      REQUIRE(rig.send_all(handle, "never read") == 0);
      say(pair.peer, "first");
      REQUIRE(rig.until([&] { return rig.received(handle) == "first"; }));
      if (stopped) {
        rig->stop_receive(handle);
        rig.settle();
      }
      const std::string bytes = pattern(size);
      say(pair.peer, bytes);
      pair.peer.reset();
      if (stopped) {
        rig.settle();
        CHECK_FALSE(rig.ended(handle));
        rig->start_receive(handle);
      }
      REQUIRE(rig.until([&] { return rig.ended(handle); }));
      CHECK(rig.received(handle) == "first" + bytes);
      CHECK(rig.events.back().result == -ECONNRESET);
    }
  }
}

TEST_CASE_TEMPLATE("loop: a stream that always has bytes does not starve another", Loop, HYPERION_LOOPS) {
  for (const Family family : kFamilies) {
    LoopRig<Loop> rig;
    Pair greedy = make_pair(family);
    Pair modest = make_pair(family);
    std::atomic<bool> over{false};
    std::thread flood{[&] {
      const std::string bytes(256 * 1024, 'x');
      while (!over.load() && ::send(greedy.peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
      }
    }};
    size_t greedy_bytes = 0;
    size_t greedy_since = 0;
    net::Handle quiet;
    size_t answered = 0;
    size_t worst = 0;  // bytes of the greedy one while a byte of the modest one waited
    rig.hook = [&](const net::Completion& completion) {
      if (completion.handle == quiet) {
        worst = std::max(worst, greedy_since);
        greedy_since = 0;
        ++answered;
        if (answered < 100) say(modest.peer, "x");
      } else {
        greedy_bytes += completion.data.size();
        greedy_since += completion.data.size();
      }
      rig.events.clear();
    };
    rig.receiving(std::move(greedy.ours));
    quiet = rig.receiving(std::move(modest.ours));
    REQUIRE(rig.until([&] { return greedy_bytes > 1'000'000; }));
    greedy_since = 0;
    say(modest.peer, "x");
    CHECK(rig.until([&] { return answered == 100; }));
    over = true;
    rig.hook = nullptr;
    rig.destroy_loop();
    flood.join();
    // Two runs of a multishot receive: 33 buffers of 8 KiB each.
    CHECK(worst <= 600 * 1024);
  }
}

}  // namespace hyperion::test
