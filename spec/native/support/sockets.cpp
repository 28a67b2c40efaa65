#include "support/sockets.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace hyperion::test {
namespace {

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::abort();
}

void check(int result, const char* what) {
  if (result < 0) give_up(what);
}

void set_blocking(int fd, bool blocking) {
  const int flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

}  // namespace

TestListener listen_tcp() {
  TestListener listener{base::UniqueFd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}, 0};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(::bind(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), size), "bind");
  check(::listen(listener.fd.get(), 128), "listen");
  check(::getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  listener.port = ntohs(address.sin_port);
  return listener;
}

base::UniqueFd connect_tcp(uint16_t port, const char* host) {
  if (std::strchr(host, ':') != nullptr) {
    base::UniqueFd fd{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    ::inet_pton(AF_INET6, host, &address.sin6_addr);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) fd.reset();
    return fd;
  }
  base::UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host, &address.sin_addr);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) fd.reset();
  return fd;
}

bool connect_tcp(const base::UniqueFd& socket, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

base::UniqueFd connect_unix(std::string_view path) {
  base::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  if (path.front() == '@') {
    address.sun_path[0] = '\0';
    --size;
  }
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) < 0) fd.reset();
  return fd;
}

Pair make_pair(Family family) {
  Pair pair;
  if (family == Family::unix_stream) {
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "socketpair");
    pair = {base::UniqueFd{fds[0]}, base::UniqueFd{fds[1]}};
  } else {
    const TestListener listener = listen_tcp();
    pair.peer = connect_tcp(listener.port);
    pair.ours = base::UniqueFd{::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    check(pair.ours.get(), "accept4");
    const int on = 1;
    ::setsockopt(pair.peer.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  set_blocking(pair.ours.get(), false);
  return pair;
}

base::UniqueFd connect_from(const char* from, uint16_t port) {
  base::UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, from, &address.sin_addr);
  check(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  check(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  return fd;
}

void shrink_buffers(int fd, int size) {
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

bool peer_takes_nothing(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) return true;
  return info.tcpi_snd_wnd == 0 && info.tcpi_unacked == 0 && info.tcpi_notsent_bytes > 0;
}

void reset(base::UniqueFd& fd) {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd.reset();
}

size_t open_descriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir("/proc/self/fd"), ::closedir};
  size_t count = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count - 1;  // without the directory's own
}

Client::Client(base::UniqueFd fd) : fd_(std::move(fd)) {
  const timeval patience{.tv_sec = 30, .tv_usec = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

bool Client::fill() {
  char bytes[64 * 1024];
  ssize_t got = 0;
  do {
    got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    buffer_.append(bytes, static_cast<size_t>(got));
    return true;
  }
  ended_ = got == 0 || errno == ECONNRESET;
  was_reset_ = got < 0 && errno == ECONNRESET;
  return false;
}

std::string Client::receive(size_t most) {
  if (buffer_.empty()) fill();
  std::string bytes = buffer_.substr(0, most);
  buffer_.erase(0, bytes.size());
  return bytes;
}

std::string Client::read(size_t count) {
  while (buffer_.size() < count && fill()) {
  }
  std::string bytes = buffer_.substr(0, count);
  buffer_.erase(0, bytes.size());
  return bytes;
}

std::string Client::read_until(std::string_view mark) {
  size_t at = 0;
  while ((at = buffer_.find(mark)) == std::string::npos) {
    if (!fill()) return std::exchange(buffer_, {});
  }
  return read(at + mark.size());
}

std::string Client::read_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

void Client::shutdown_send() { ::shutdown(fd_.get(), SHUT_WR); }

void Client::reset() { test::reset(fd_); }

bool Client::readable(base::Duration patience) {
  if (!buffer_.empty()) return true;
  pollfd waiter{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
  return ::poll(&waiter, 1, static_cast<int>(millis)) > 0;
}

std::string ClientResponse::field(std::string_view name) const {
  const std::string wanted = "\r\n" + std::string{name} + ": ";
  const size_t at = head.find(wanted);
  if (at == std::string::npos) return {};
  const size_t begin = at + wanted.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

ClientResponse read_response(Client& client, bool no_body) {
  ClientResponse response;
  do {
    response.head = client.read_until("\r\n\r\n");
    if (response.head.size() < 12) return response;
    response.status = std::atoi(response.head.c_str() + 9);
  } while (response.status >= 100 && response.status < 200 && response.status != 101);
  if (no_body || response.status == 204 || response.status == 304 || response.status == 101) return response;
  if (response.field("transfer-encoding") == "chunked") {
    while (true) {
      const std::string line = client.read_until("\r\n");
      const size_t size = std::strtoul(line.c_str(), nullptr, 16);
      response.body += client.read(size);
      client.read(2);
      if (size == 0 || line.size() < 3) return response;
    }
  }
  const std::string length = response.field("content-length");
  response.body = length.empty() ? client.read_all() : client.read(std::strtoul(length.c_str(), nullptr, 10));
  return response;
}

}  // namespace hyperion::test
