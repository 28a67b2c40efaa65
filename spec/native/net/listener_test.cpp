// Listener: TCP addresses, names, unix sockets, inherited descriptors.
#include "net/listener.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <future>

#include "support/sockets.hpp"

namespace hyperion::test {
namespace {

using net::Listener;

constexpr net::ListenOptions kOptions{};

// A directory of its own, and gone afterwards.
struct Directory {
  std::string path;

  Directory() {
    char name[] = "/tmp/hyperion-listener-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Directory() {
    for (const char* name : {"/socket", "/file", "/link"}) ::unlink((path + name).c_str());
    ::rmdir(path.c_str());
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
};

// A byte goes from one end of a connection to the other.
bool talk(const base::UniqueFd& from, const base::UniqueFd& to) {
  char byte = 0;
  return ::write(from.get(), "x", 1) == 1 && ::read(to.get(), &byte, 1) == 1 && byte == 'x';
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

int error_of(const base::Result<Listener>& result) { return result.ok() ? 0 : result.error().os_errno; }
int error_of(const base::Result<std::vector<Listener>>& result) { return result.ok() ? 0 : result.error().os_errno; }

bool has_ipv6() { return Listener::tcp("::1", 0, kOptions).ok(); }

}  // namespace

TEST_CASE("listener: an IPv4 address, and the port that the kernel picked") {
  auto made = Listener::tcp("127.0.0.1", 0, kOptions);
  REQUIRE(made.ok());
  REQUIRE(made.value().size() == 1);
  const Listener& listener = made.value()[0];
  CHECK(listener.port() > 0);
  CHECK_FALSE(listener.is_unix());
  CHECK(listener.url() == "tcp://127.0.0.1:" + std::to_string(listener.port()));
  CHECK((::fcntl(listener.fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(listener.fd(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK(connect_tcp(listener.port()).valid());
  // What is accepted sends at once.
  const base::UniqueFd accepted{::accept(listener.fd(), nullptr, nullptr)};
  int on = 0;
  socklen_t size = sizeof on;
  REQUIRE(::getsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0);
  CHECK(on == 1);
}

TEST_CASE("listener: IPv6, with brackets or without") {
  if (!has_ipv6()) return;
  for (const char* host : {"::1", "[::1]"}) {
    auto made = Listener::tcp(host, 0, kOptions);
    REQUIRE(made.ok());
    const Listener& listener = made.value()[0];
    CHECK(listener.url() == "tcp://[::1]:" + std::to_string(listener.port()));
    CHECK(connect_tcp(listener.port(), "::1").valid());
    CHECK_FALSE(connect_tcp(listener.port(), "127.0.0.1").valid());
  }
  auto any = Listener::tcp("::", 0, kOptions);
  REQUIRE(any.ok());
  CHECK(any.value()[0].url() == "tcp://[::]:" + std::to_string(any.value()[0].port()));
  CHECK(connect_tcp(any.value()[0].port(), "::1").valid());
  CHECK(connect_tcp(any.value()[0].port(), "127.0.0.1").valid());
}

TEST_CASE("listener: a name is served at every address that it has, on one port") {
  base::Result<std::vector<Listener>> made{base::ErrorCode::os_error};
  // The port of the first address may be taken on the second.
  for (int i = 0; i < 10 && !made.ok(); ++i) made = Listener::tcp("localhost", 0, kOptions);
  REQUIRE(made.ok());
  REQUIRE_FALSE(made.value().empty());
  for (const Listener& listener : made.value()) {
    CHECK(listener.port() == made.value()[0].port());
    const bool ipv6 = listener.url().find('[') != std::string::npos;
    CHECK(connect_tcp(listener.port(), ipv6 ? "::1" : "127.0.0.1").valid());
    int count = 0;
    for (const Listener& other : made.value()) count += other.url() == listener.url() ? 1 : 0;
    CHECK(count == 1);  // an address that is listed twice is bound once
  }
}

TEST_CASE("listener: what cannot be bound says why") {
  auto first = Listener::tcp("127.0.0.1", 0, kOptions);
  REQUIRE(first.ok());
  CHECK(error_of(Listener::tcp("127.0.0.1", first.value()[0].port(), kOptions)) == EADDRINUSE);
  CHECK(error_of(Listener::tcp("192.0.2.1", 0, kOptions)) == EADDRNOTAVAIL);
  CHECK(error_of(Listener::tcp("no such host.invalid", 0, kOptions)) == ENOENT);
  CHECK(error_of(Listener::tcp("", 0, kOptions)) == ENOENT);
}

TEST_CASE("listener: a port is free again at once, whoever was connected to it") {
  uint16_t port = 0;
  base::UniqueFd client;
  {
    auto made = Listener::tcp("127.0.0.1", 0, kOptions);
    REQUIRE(made.ok());
    port = made.value()[0].port();
    client = connect_tcp(port);
    base::UniqueFd accepted{::accept(made.value()[0].fd(), nullptr, nullptr)};
    // The server closes first: its side of the connection lingers in the kernel.
    accepted.reset();
  }
  CHECK(error_of(Listener::tcp("127.0.0.1", port, kOptions)) == 0);
}

TEST_CASE("listener: a closed one refuses, and keeps its name") {
  auto made = Listener::tcp("127.0.0.1", 0, kOptions);
  REQUIRE(made.ok());
  Listener& listener = made.value()[0];
  const std::string url = listener.url();
  listener.close();
  listener.close();
  CHECK_FALSE(connect_tcp(listener.port()).valid());
  CHECK(listener.url() == url);
  CHECK(listener.fd() == -1);
}

TEST_CASE("listener: a unix socket, with the permissions that were asked for") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  {
    auto made = Listener::unix_socket(path, 0640, kOptions);
    REQUIRE(made.ok());
    CHECK(made.value().is_unix());
    CHECK(made.value().port() == 0);
    CHECK(made.value().url() == "unix://" + path);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
    CHECK(connect_unix(path).valid());
    // A live one is not taken away.
    CHECK(error_of(Listener::unix_socket(path, -1, kOptions)) == EADDRINUSE);
    CHECK(connect_unix(path).valid());
    const Listener moved = std::move(made).value();
    CHECK(exists(path));
  }
  CHECK_FALSE(exists(path));
}

TEST_CASE("listener: a stale socket file is replaced, anything else is left alone") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  {
    auto left = Listener::unix_socket(path, -1, kOptions);
    REQUIRE(left.ok());
    ::rename(path.c_str(), (path + "-").c_str());
    left.value().close();
    ::rename((path + "-").c_str(), path.c_str());
  }
  REQUIRE(exists(path));
  CHECK_FALSE(connect_unix(path).valid());
  CHECK(error_of(Listener::unix_socket(path, -1, kOptions)) == 0);

  const std::string file = directory.path + "/file";
  base::UniqueFd{::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)}.reset();
  CHECK(error_of(Listener::unix_socket(file, -1, kOptions)) == EEXIST);
  CHECK(exists(file));
  const std::string link = directory.path + "/link";
  REQUIRE(::symlink(file.c_str(), link.c_str()) == 0);
  CHECK(error_of(Listener::unix_socket(link, -1, kOptions)) == EEXIST);
  CHECK(exists(link));
}

TEST_CASE("listener: paths that cannot be") {
  const Directory directory;
  CHECK(error_of(Listener::unix_socket("", -1, kOptions)) == EINVAL);
  CHECK(error_of(Listener::unix_socket(std::string_view{"/tmp/a\0b", 8}, -1, kOptions)) == EINVAL);
  CHECK(error_of(Listener::unix_socket(directory.path + "/" + std::string(200, 'x'), -1, kOptions)) == ENAMETOOLONG);
  CHECK(error_of(Listener::unix_socket(directory.path + "/none/socket", -1, kOptions)) == ENOENT);
  // The longest that fits, with its NUL.
  const std::string longest = directory.path + "/" + std::string(107 - directory.path.size() - 1, 'x');
  auto made = Listener::unix_socket(longest, -1, kOptions);
  REQUIRE(made.ok());
  CHECK(connect_unix(longest).valid());
}

TEST_CASE("listener: a relative path is removed where it was made") {
  const Directory directory;
  char before[4096];
  REQUIRE(::getcwd(before, sizeof before) != nullptr);
  REQUIRE(::chdir(directory.path.c_str()) == 0);
  auto made = Listener::unix_socket("socket", -1, kOptions);
  REQUIRE(::chdir(before) == 0);
  REQUIRE(made.ok());
  CHECK(exists(directory.path + "/socket"));
  made.value().close();
  CHECK_FALSE(exists(directory.path + "/socket"));
}

TEST_CASE("listener: an abstract name has no file, and is free when its listener goes") {
  const std::string name = "@hyperion-listener-" + std::to_string(::getpid());
  {
    auto made = Listener::unix_socket(name, 0600, kOptions);
    REQUIRE(made.ok());
    CHECK(made.value().url() == "unix://" + name);
    CHECK(connect_unix(name).valid());
    CHECK(error_of(Listener::unix_socket(name, -1, kOptions)) == EADDRINUSE);
  }
  CHECK_FALSE(connect_unix(name).valid());
}

TEST_CASE("listener: inherited descriptors") {
  auto made = Listener::tcp("127.0.0.1", 0, kOptions);
  REQUIRE(made.ok());
  const uint16_t port = made.value()[0].port();
  // As a parent passes it: blocking, and kept over exec.
  const int fd = ::dup(made.value()[0].fd());
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  made.value().clear();
  {
    auto inherited = Listener::inherited(fd);
    REQUIRE(inherited.ok());
    CHECK(inherited.value().url() == "tcp://127.0.0.1:" + std::to_string(port));
    CHECK(inherited.value().port() == port);
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(connect_tcp(port).valid());
  }
  CHECK(::fcntl(fd, F_GETFD) == -1);

  const std::string name = "@hyperion-inherited-" + std::to_string(::getpid());
  auto local = Listener::unix_socket(name, -1, kOptions);
  REQUIRE(local.ok());
  auto second = Listener::inherited(::dup(local.value().fd()));
  REQUIRE(second.ok());
  CHECK(second.value().is_unix());
  CHECK(second.value().url() == "unix://" + name);

  // What is refused stays the caller's.
  int fds[2];
  REQUIRE(::pipe(fds) == 0);
  const base::UniqueFd ends[] = {base::UniqueFd{fds[0]}, base::UniqueFd{fds[1]}};
  CHECK(error_of(Listener::inherited(fds[0])) == ENOTSOCK);
  CHECK(::fcntl(fds[0], F_GETFD) >= 0);
  const Pair pair = make_pair(Family::tcp);
  CHECK(error_of(Listener::inherited(pair.ours.get())) == EINVAL);
  CHECK(::fcntl(pair.ours.get(), F_GETFD) >= 0);
  CHECK(error_of(Listener::inherited(-1)) == EBADF);
}

TEST_CASE("listener: handed on, it listens after its end, and the next owner removes its file") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  base::UniqueFd copy;
  {
    auto made = Listener::unix_socket(path, -1, kOptions);
    REQUIRE(made.ok());
    auto handed = made.value().copy();
    REQUIRE(handed.ok());
    copy = std::move(handed).value();
    made.value().handed_on();
    CHECK((::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(exists(path));
  CHECK(connect_unix(path).valid());
  {
    auto next = Listener::inherited(copy.release(), true);
    REQUIRE(next.ok());
    CHECK(connect_unix(path).valid());
    next.value().close();
    CHECK(next.value().copy().error().os_errno == EBADF);
  }
  CHECK(!exists(path));
}

TEST_CASE("listener: after the last call who is in the backlog is accepted, and a newcomer is not heard") {
  for (const char* host : {"127.0.0.1", "::1"}) {
    if (host[0] == ':' && !has_ipv6()) continue;
    CAPTURE(host);
    auto made = Listener::tcp(host, 0, kOptions);
    REQUIRE(made.ok());
    Listener& listener = made.value()[0];
    const base::UniqueFd early = connect_tcp(listener.port(), host);
    REQUIRE(early.valid());
    CHECK(listener.last_call());
    CHECK(listener.last_call());
    auto late = std::async(std::launch::async, [&, port = listener.port()] { return connect_tcp(port, host); });
    CHECK(late.wait_for(std::chrono::milliseconds{100}) == std::future_status::timeout);

    const base::UniqueFd accepted{::accept(listener.fd(), nullptr, nullptr)};
    REQUIRE(accepted.valid());
    CHECK(talk(early, accepted));
    CHECK(::accept(listener.fd(), nullptr, nullptr) == -1);
    listener.close();
    CHECK_FALSE(late.get().valid());  // refused when it tried again
    CHECK(talk(early, accepted));
  }
}

TEST_CASE("listener: after the last call at a unix socket newcomers are refused, and its backlog is accepted") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  auto made = Listener::unix_socket(path, -1, kOptions);
  REQUIRE(made.ok());
  const base::UniqueFd early = connect_unix(path);
  REQUIRE(early.valid());
  CHECK_FALSE(made.value().last_call());
  CHECK_FALSE(connect_unix(path).valid());
  const base::UniqueFd accepted{::accept(made.value().fd(), nullptr, nullptr)};
  REQUIRE(accepted.valid());
  CHECK(talk(early, accepted));
  CHECK(::accept(made.value().fd(), nullptr, nullptr) == -1);
  // Whoever takes its place meanwhile keeps it.
  CHECK_FALSE(exists(path));
  auto next = Listener::unix_socket(path, -1, kOptions);
  REQUIRE(next.ok());
  made.value().close();
  CHECK(connect_unix(path).valid());
}

TEST_CASE("listener: a socket that somebody else has, too, goes on after a last call") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  auto local = Listener::unix_socket(path, -1, kOptions);
  auto tcp = Listener::tcp("127.0.0.1", 0, kOptions);
  REQUIRE(local.ok());
  REQUIRE(tcp.ok());
  const uint16_t port = tcp.value()[0].port();
  const auto local_copy = local.value().copy();
  auto tcp_copy = tcp.value()[0].copy();
  REQUIRE(local_copy.ok());
  REQUIRE(tcp_copy.ok());
  local.value().handed_on();
  tcp.value()[0].handed_on();
  CHECK_FALSE(local.value().last_call());
  CHECK_FALSE(tcp.value()[0].last_call());
  CHECK(connect_unix(path).valid());
  CHECK(connect_tcp(port).valid());

  auto borrowed = Listener::inherited(::dup(tcp_copy.value().get()));
  REQUIRE(borrowed.ok());
  CHECK_FALSE(borrowed.value().last_call());
  CHECK(connect_tcp(port).valid());
  auto next = Listener::inherited(tcp_copy.value().release(), true);
  REQUIRE(next.ok());
  CHECK(next.value().last_call());
}

TEST_CASE("listener: a forked child leaves the parent's socket file alone") {
  const Directory directory;
  const std::string path = directory.path + "/socket";
  auto made = Listener::unix_socket(path, -1, kOptions);
  REQUIRE(made.ok());
  const pid_t child = ::fork();
  if (child == 0) {
    made.value().close();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(exists(path));
  CHECK(connect_unix(path).valid());
}

}  // namespace hyperion::test
