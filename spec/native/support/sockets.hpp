// Sockets for tests: pairs for the loop tests, and a client that says exactly the bytes that a test wants.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "support/waiting.hpp"

namespace hyperion::test {

enum class Family : uint8_t { tcp, unix_stream };

// Two connected stream sockets: `ours` non-blocking, for the loop; `peer` blocking, for the test.
struct Pair {
  base::UniqueFd ours;
  base::UniqueFd peer;
};
Pair make_pair(Family family);

// A TCP socket that listens on 127.0.0.1, and its port.
struct TestListener {
  base::UniqueFd fd;
  uint16_t port;
};
TestListener listen_tcp();

base::UniqueFd connect_tcp(uint16_t port, const char* host = "127.0.0.1");
// The same with a socket that is there already, for where no descriptor is left.
bool connect_tcp(const base::UniqueFd& socket, uint16_t port);
// To 127.0.0.1, from another address of the loopback net.
base::UniqueFd connect_from(const char* address, uint16_t port);
base::UniqueFd connect_unix(std::string_view path);

// Small buffers, so that a test fills them soon. A receive buffer below TCP's segment size (64 KiB on loopback) makes a
// reader slow as well: the window opens by the sender's timer alone.
void shrink_buffers(int fd, int size = 16 * 1024);
// The peer's buffer is full, so that nothing leaves until it reads. TCP's delayed acknowledgements (40 ms) and its
// timer for a window that is nearly shut (200 ms) let a socket that took nothing more take a little more. A unix
// socket: true.
bool peer_takes_nothing(int fd);
// Ends a connection with a reset.
void reset(base::UniqueFd& fd);
// Descriptors that this process has open.
size_t open_descriptors();

// A blocking client with a bounded patience.
class Client {
 public:
  explicit Client(base::UniqueFd fd);
  explicit Client(uint16_t port) : Client(connect_tcp(port)) {}

  int fd() const noexcept { return fd_.get(); }
  // False: the server has closed or reset the connection.
  bool send(std::string_view bytes);
  // What comes next; empty at the end of the stream, after a reset, or when nothing came for too long.
  std::string receive(size_t most = 64 * 1024);
  // Exactly so many bytes, or fewer at the end.
  std::string read(size_t count);
  // Up to and including `mark`.
  std::string read_until(std::string_view mark);
  // Everything up to the end of the stream.
  std::string read_all();
  void shutdown_send();
  void reset();
  void close() { fd_.reset(); }

  bool ended() const noexcept { return ended_; }
  bool was_reset() const noexcept { return was_reset_; }
  // Something is there to read (also the end of the stream) within `patience`.
  bool readable(base::Duration patience);

 private:
  bool fill();

  base::UniqueFd fd_;
  std::string buffer_;
  bool ended_ = false;
  bool was_reset_ = false;
};

struct ClientResponse {
  int status = 0;
  std::string head;
  std::string body;

  // The value of a field; its name in lower case, as the server writes it when the author did.
  std::string field(std::string_view name) const;
};

// One response by its framing: content-length, chunked, or until the end. `no_body`: of a HEAD request.
ClientResponse read_response(Client& client, bool no_body = false);

}  // namespace hyperion::test
