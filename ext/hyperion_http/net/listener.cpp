#include "net/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstring>
#include <memory>

namespace hyperion::net {
namespace {

struct AddrinfoDeleter {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

std::string_view without_brackets(std::string_view host) noexcept {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

void set_port(sockaddr* address, uint16_t port) noexcept {
  if (address->sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in*>(address)->sin_port = htons(port);
  }
}

// `alone`: the host has no other address.
base::Result<base::UniqueFd> bind_tcp(const addrinfo& entry, bool alone, const ListenOptions& options) {
  base::UniqueFd fd{::socket(entry.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)};
  if (!fd) return base::Error::os(errno);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it: no setsockopt for each connection.
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (entry.ai_family == AF_INET6) {
    // A name may resolve to both families, each with its own socket; but :: alone is meant for both.
    const int only = alone ? 0 : 1;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  if (::bind(fd.get(), entry.ai_addr, entry.ai_addrlen) < 0 || ::listen(fd.get(), options.backlog) < 0) {
    return base::Error::os(errno);
  }
  return fd;
}

// Lets every segment pass but one that opens a connection (SYN without ACK, RFC 9293, section 3.1: octet 13). Accepted
// sockets may inherit the filter; nothing that belongs to an established connection looks like that.
bool drop_newcomers(int fd) noexcept {
  constexpr uint32_t kFlags = 13;
  constexpr uint32_t kSynAck = 0x12;
  constexpr uint32_t kSyn = 0x02;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlags),      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kSynAck),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSyn, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  };
  const sock_fprog program{.len = sizeof code / sizeof code[0], .filter = code};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

// The process may change its directory before it removes the file.
std::string absolute(std::string_view path) {
  char here[PATH_MAX];
  if (path.front() == '/' || ::getcwd(here, sizeof here) == nullptr) return std::string{path};
  return std::string{here} + "/" + std::string{path};
}

// True when a server answers at the socket file.
bool somebody_listens(const sockaddr_un& address, socklen_t length) noexcept {
  base::UniqueFd probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!probe) return true;
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0) return true;
  return errno != ECONNREFUSED && errno != ENOENT;
}

}  // namespace

base::Result<std::vector<Listener>> Listener::tcp(std::string_view host, uint16_t port, const ListenOptions& options) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const std::string name{without_brackets(host)};
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(name.c_str(), "0", &hints, &found);
  if (status == EAI_SYSTEM) return base::Error::os(errno);
  if (status != 0) return base::Error::os(ENOENT);
  const std::unique_ptr<addrinfo, AddrinfoDeleter> list{found};

  std::vector<Listener> listeners;
  base::Error unavailable;
  for (addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    set_port(entry->ai_addr, port);
    auto fd = bind_tcp(*entry, found->ai_next == nullptr, options);
    if (!fd) {
      // A name such as localhost may list a family that this host does not have.
      if (fd.error().os_errno != EADDRNOTAVAIL && fd.error().os_errno != EAFNOSUPPORT) return fd.error();
      unavailable = fd.error();
      continue;
    }
    Listener listener{std::move(fd).value(), false};
    if (auto named = listener.name_from_socket(); !named) return named.error();
    port = listener.port_;
    bool seen = false;
    for (const Listener& other : listeners) seen = seen || other.url_ == listener.url_;
    if (!seen) listeners.push_back(std::move(listener));
  }
  if (listeners.empty()) return unavailable ? unavailable : base::Error::os(EADDRNOTAVAIL);
  return listeners;
}

base::Result<Listener> Listener::unix_socket(std::string_view path, int mode, const ListenOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || (path.front() != '@' && path.find('\0') != std::string_view::npos)) {
    return base::Error::os(EINVAL);
  }
  if (path.size() >= sizeof address.sun_path) return base::Error::os(ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  const bool abstract = path.front() == '@';
  if (abstract) {
    address.sun_path[0] = '\0';
    --length;
  } else {
    struct stat existing {};
    if (::lstat(address.sun_path, &existing) == 0) {
      if (!S_ISSOCK(existing.st_mode)) return base::Error::os(EEXIST);
      if (somebody_listens(address, length)) return base::Error::os(EADDRINUSE);
      ::unlink(address.sun_path);
    }
  }
  base::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return base::Error::os(errno);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) < 0) return base::Error::os(errno);
  Listener listener{std::move(fd), true};
  listener.url_ = "unix://" + std::string{path};
  if (!abstract) {
    listener.unlink_path_ = absolute(path);
    listener.owner_pid_ = ::getpid();
    // Nobody can connect before listen, so nobody meets other permissions.
    if (mode >= 0 && ::chmod(address.sun_path, static_cast<mode_t>(mode)) < 0) return base::Error::os(errno);
  }
  if (::listen(listener.fd(), options.backlog) < 0) return base::Error::os(errno);
  return listener;
}

base::Result<Listener> Listener::inherited(int fd, bool ours) {
  base::UniqueFd owned{fd};
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0) {
    const int saved = errno;
    (void)owned.release();  // not a socket: not ours to close
    return base::Error::os(saved);
  }
  if (listening == 0) {
    (void)owned.release();
    return base::Error::os(EINVAL);
  }
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // refused on a unix socket, rightly
  Listener listener{std::move(owned), false};
  if (auto named = listener.name_from_socket(); !named) return named.error();
  constexpr std::string_view kScheme = "unix://";
  const std::string_view name = std::string_view{listener.url_}.substr(kScheme.size());
  listener.shared_ = !ours;
  if (ours && listener.unix_ && !name.empty() && name.front() != '@') {
    listener.unlink_path_ = absolute(name);
    listener.owner_pid_ = ::getpid();
  }
  return listener;
}

Listener::~Listener() { close(); }

base::Result<base::UniqueFd> Listener::copy() const noexcept {
  base::UniqueFd copy{::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)};
  if (!copy) return base::Error::os(errno);
  return copy;
}

void Listener::handed_on() noexcept {
  unlink_path_.clear();
  shared_ = true;
}

bool Listener::last_call() noexcept {
  if (!fd_ || shared_) return false;
  if (!unix_) return drop_newcomers(fd_.get());
  remove_file();
  ::shutdown(fd_.get(), SHUT_RD);  // connect is refused from here on; accept goes on
  return false;
}

void Listener::close() noexcept {
  if (fd_) remove_file();
  fd_.reset();
}

// Before nobody listens any more, and once: who finds a file like that may take its place.
void Listener::remove_file() noexcept {
  if (!unlink_path_.empty() && ::getpid() == owner_pid_) ::unlink(unlink_path_.c_str());
  unlink_path_.clear();
}

base::Status Listener::name_from_socket() {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length) < 0) return base::Error::os(errno);
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(storage);
    port_ = ntohs(address.sin_port);
    ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    url_ = "tcp://" + std::string{text} + ":" + std::to_string(port_);
  } else if (storage.ss_family == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(storage);
    port_ = ntohs(address.sin6_port);
    ::inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof text);
    url_ = "tcp://[" + std::string{text} + "]:" + std::to_string(port_);
  } else {
    unix_ = true;
    const auto& address = reinterpret_cast<const sockaddr_un&>(storage);
    const size_t size = length > offsetof(sockaddr_un, sun_path) ? length - offsetof(sockaddr_un, sun_path) : 0;
    std::string path{address.sun_path, size};
    if (!path.empty() && path.front() == '\0') path.front() = '@';
    while (!path.empty() && path.back() == '\0') path.pop_back();
    url_ = "unix://" + path;
  }
  return {};
}

}  // namespace hyperion::net
