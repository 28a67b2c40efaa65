// Listening sockets: TCP by address, unix by path, or a descriptor inherited from another process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace hyperion::net {

struct ListenOptions {
  // Connections that the kernel completes and queues before we accept them; it caps this at net.core.somaxconn.
  int backlog = 1024;
};

class Listener {
 public:
  // One listener for each address that `host` resolves to (IPv4 and IPv6). With port 0 the kernel picks one, the same
  // for all of them. An IPv6 literal may stand in brackets; "::" takes IPv4 connections as well.
  // Errors: os_error with EADDRINUSE, EADDRNOTAVAIL, EACCES, ...; ENOENT when the name does not resolve.
  static base::Result<std::vector<Listener>> tcp(std::string_view host, uint16_t port, const ListenOptions& options);
  // A stale socket file, to which nobody listens, is replaced. `mode`: permissions of the file, or -1 for the umask's.
  // A path that begins with @ is in Linux's abstract name space.
  // Errors: EADDRINUSE when somebody listens there, EEXIST when something else than a socket is there, ENAMETOOLONG,
  // EINVAL when it is empty or holds NUL.
  static base::Result<Listener> unix_socket(std::string_view path, int mode, const ListenOptions& options);
  // `ours`: no other process has the socket, and the file of a unix socket goes with the listener, as if this process
  // had made it. Errors: ENOTSOCK, EINVAL when the socket does not listen.
  static base::Result<Listener> inherited(int fd, bool ours = false);

  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) noexcept = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // Removes the file of a unix socket that this process made.
  ~Listener();

  // No newcomers any more. What is in the backlog, and who is in the middle of a handshake, can still be accepted, and
  // then close() cuts nobody off who was told that it is connected. A TCP client that comes between the two repeats its
  // SYN a second later, and is refused then or served by who listens next. Nothing happens to a socket that another
  // process has, too, or that was handed on. The file of a unix socket is removed. True when somebody may be in the
  // middle of a handshake.
  bool last_call() noexcept;
  // Further connections are refused. The name stays.
  void close() noexcept;

  // The same socket once more, for a process that comes after this one. Errors: EBADF when it is closed, EMFILE.
  base::Result<base::UniqueFd> copy() const noexcept;
  // That process has it: it goes on listening when this listener is closed, and the file of a unix socket stays.
  void handed_on() noexcept;

  int fd() const noexcept { return fd_.get(); }
  bool is_unix() const noexcept { return unix_; }
  // Somebody goes on listening when this listener is closed.
  bool shared() const noexcept { return shared_; }
  // Its owner's word for what it is there for.
  void set_role(int role) noexcept { role_ = role; }
  int role() const noexcept { return role_; }
  // 0 for a unix socket.
  uint16_t port() const noexcept { return port_; }
  // "tcp://127.0.0.1:9292", "tcp://[::1]:9292", "unix:///run/app.sock": for the banner.
  const std::string& url() const noexcept { return url_; }

 private:
  Listener(base::UniqueFd fd, bool is_unix) noexcept : fd_(std::move(fd)), unix_(is_unix) {}
  base::Status name_from_socket();
  void remove_file() noexcept;

  base::GuardedFd fd_;
  bool unix_;
  bool shared_ = false;
  int role_ = 0;
  uint16_t port_ = 0;
  std::string url_;
  std::string unlink_path_;
  int owner_pid_ = 0;
};

}  // namespace hyperion::net
