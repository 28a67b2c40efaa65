// EventLoop: listeners.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "net/event_loop_group.hpp"
#include "net/listener.hpp"
#include "support/few_descriptors.hpp"

namespace hyperion::test {
namespace {

// Owns the descriptors that a loop accepts.
template <class Loop>
struct Accepting {
  LoopRig<Loop> rig;
  TestListener listener = listen_tcp();
  net::Handle handle = rig->add_listener(listener.fd.get(), this).value();
  std::vector<base::UniqueFd> accepted;

  Accepting() {
    rig.hook = [this](const net::Completion& completion) {
      if (completion.kind == Kind::accepted && completion.result >= 0) {
        accepted.emplace_back(static_cast<int>(completion.result));
      }
    };
  }
};

}  // namespace

TEST_CASE_TEMPLATE("loop: every connection is accepted, with its owner", Loop, HYPERION_LOOPS) {
  Accepting<Loop> test;
  test.rig->start_accept(test.handle);
  std::vector<base::UniqueFd> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(connect_tcp(test.listener.port));
  REQUIRE(test.rig.until([&] { return test.accepted.size() == 100; }));
  for (const auto& event : test.rig.events) {
    CHECK(event.kind == Kind::accepted);
    CHECK(event.handle == test.handle);
    CHECK(event.owner == &test);
  }
  for (const base::UniqueFd& fd : test.accepted) {
    CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0);
  }
}

TEST_CASE_TEMPLATE("loop: nothing is accepted before start and after stop", Loop, HYPERION_LOOPS) {
  Accepting<Loop> test;
  const base::UniqueFd early = connect_tcp(test.listener.port);
  test.rig.settle();
  CHECK(test.accepted.empty());
  test.rig->start_accept(test.handle);
  REQUIRE(test.rig.until([&] { return test.accepted.size() == 1; }));
  test.rig->stop_accept(test.handle);
  test.rig.settle();
  const base::UniqueFd late = connect_tcp(test.listener.port);
  test.rig.settle();
  CHECK(test.accepted.size() == 1);
  test.rig->start_accept(test.handle);
  CHECK(test.rig.until([&] { return test.accepted.size() == 2; }));
}

TEST_CASE_TEMPLATE("loop: start and stop are idempotent", Loop, HYPERION_LOOPS) {
  Accepting<Loop> test;
  test.rig->stop_accept(test.handle);
  test.rig->start_accept(test.handle);
  test.rig->start_accept(test.handle);
  const base::UniqueFd client = connect_tcp(test.listener.port);
  REQUIRE(test.rig.until([&] { return test.accepted.size() == 1; }));
  test.rig.settle();
  CHECK(test.rig.events.size() == 1);
}

TEST_CASE_TEMPLATE("loop: without descriptors accepting stops with the error, and can be started again", Loop,
                   HYPERION_LOOPS) {
  FewDescriptors few;
  Accepting<Loop> test;
  test.rig->start_accept(test.handle);
  test.rig.settle();
  const base::UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  few.take_all();
  REQUIRE(connect_tcp(client, test.listener.port));
  REQUIRE(test.rig.until([&] { return !test.rig.events.empty(); }));
  CHECK(test.rig.events[0].kind == Kind::accepted);
  CHECK(test.rig.events[0].result == -EMFILE);
  test.rig.settle();
  CHECK(test.rig.events.size() == 1);
  test.rig->start_accept(test.handle);
  REQUIRE(test.rig.until([&] { return test.rig.events.size() > 1; }));
  CHECK(test.rig.events[1].result == -EMFILE);
  few.give_back();
  test.rig.settle();
  CHECK(test.accepted.empty());
  test.rig->start_accept(test.handle);
  CHECK(test.rig.until([&] { return test.accepted.size() == 1; }));
}

TEST_CASE_TEMPLATE("loop: a listener is stopped or closed during its own delivery", Loop, HYPERION_LOOPS) {
  const bool closes = [] {
    bool answer = false;
    SUBCASE("stopped") { answer = false; }
    SUBCASE("closed") { answer = true; }
    return answer;
  }();
  Accepting<Loop> test;
  std::vector<base::UniqueFd> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connect_tcp(test.listener.port));
  const auto keep = test.rig.hook;
  test.rig.hook = [&](const net::Completion& completion) {
    keep(completion);
    if (completion.kind != Kind::accepted) return;
    if (closes) {
      test.rig->close(test.handle);
    } else {
      test.rig->stop_accept(test.handle);
    }
  };
  test.rig->start_accept(test.handle);
  REQUIRE(test.rig.until([&] { return !test.accepted.empty(); }));
  test.rig.settle();
  if (!closes) {
    // What the kernel had handed over already may still have come, but no more is asked for.
    const size_t so_far = test.accepted.size();
    clients.push_back(connect_tcp(test.listener.port));
    test.rig.settle();
    CHECK(test.accepted.size() == so_far);
    return;
  }
  CHECK(test.rig.closed(test.handle));
  CHECK(test.rig.events.back().kind == Kind::closed);
  CHECK(test.rig.events.back().result == -1);
}

TEST_CASE_TEMPLATE("loop: a closed listener stays its caller's and keeps its backlog", Loop, HYPERION_LOOPS) {
  Accepting<Loop> test;
  test.rig->start_accept(test.handle);
  test.rig.settle();
  test.rig->close(test.handle);
  REQUIRE(test.rig.until([&] { return test.rig.closed(test.handle); }));
  const base::UniqueFd client = connect_tcp(test.listener.port);
  CHECK(client.valid());
  test.rig.settle();
  CHECK(test.accepted.empty());
  const base::UniqueFd taken{::accept(test.listener.fd.get(), nullptr, nullptr)};
  CHECK(taken.valid());
  // The old handle is dead, another registration is not.
  test.rig->start_accept(test.handle);
  const net::Handle again = test.rig->add_listener(test.listener.fd.get(), &test).value();
  CHECK_FALSE(again == test.handle);
  test.rig->start_accept(again);
  const base::UniqueFd second = connect_tcp(test.listener.port);
  CHECK(test.rig.until([&] { return test.accepted.size() == 1; }));
}

TEST_CASE_TEMPLATE("loop: several listeners, unix ones too", Loop, HYPERION_LOOPS) {
  Accepting<Loop> test;
  auto local = net::Listener::unix_socket("@hyperion-test-" + std::to_string(::getpid()), -1, {});
  REQUIRE(local.ok());
  int other = 0;
  const net::Handle unix_handle = test.rig->add_listener(local.value().fd(), &other).value();
  test.rig->start_accept(test.handle);
  test.rig->start_accept(unix_handle);
  const base::UniqueFd first = connect_unix(local.value().url().substr(7));
  const base::UniqueFd second = connect_tcp(test.listener.port);
  REQUIRE(test.rig.until([&] { return test.accepted.size() == 2; }));
  CHECK(test.rig.of(Kind::accepted, unix_handle).at(0).owner == &other);
  CHECK(test.rig.of(Kind::accepted, test.handle).at(0).owner == &test);
}

TEST_CASE_TEMPLATE("loop: a stream is registered while its connection is delivered", Loop, HYPERION_LOOPS) {
  LoopRig<Loop> rig;
  const TestListener listener = listen_tcp();
  const net::Handle handle = rig->add_listener(listener.fd.get(), nullptr).value();
  std::vector<net::Handle> streams;
  rig.hook = [&](const net::Completion& completion) {
    if (completion.kind == Kind::accepted) {
      streams.push_back(rig.receiving(base::UniqueFd{static_cast<int>(completion.result)}));
    }
  };
  rig->start_accept(handle);
  std::vector<base::UniqueFd> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(connect_tcp(listener.port));
    REQUIRE(::send(clients.back().get(), "hello", 5, 0) == 5);
  }
  CHECK(rig.until([&] {
    size_t complete = 0;
    for (const net::Handle stream : streams) complete += rig.received(stream) == "hello" ? 1 : 0;
    return complete == 50;
  }));
}

}  // namespace hyperion::test
