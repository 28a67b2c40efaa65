// Passes bytes both ways between a client and one end of a socket pair whose other end an application holds: for a
// hijacked connection that cannot be handed over itself. Bounded: each way holds one portion and stops reading
// meanwhile.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "net/event_loop.hpp"
#include "server/io_worker.hpp"

namespace hyperion::server {

class Relay final : public LoopClient {
 public:
  explicit Relay(IoWorker& worker) noexcept : worker_(worker) {}

  // `already_read`: the client's bytes that come before everything else. False: the loop refused.
  bool start(base::UniqueFd outer, base::UniqueFd inner, std::string_view already_read);
  void on_completion(const net::Completion& completion) noexcept override;
  // Ends both ways at once; the worker is told when the loop has let go.
  void close() noexcept;

 private:
  // One socket, and what goes out of it: `pending` is under way and must stay where it is, `waiting` comes after it.
  struct End {
    net::Handle handle;
    std::string pending;
    std::string waiting;
    size_t sent = 0;
    bool sending = false;
    bool finish_after = false;  // shut down once pending is gone
    bool ended = false;         // nothing more comes from it
    bool closed = false;

    bool delivered() const noexcept { return !sending && sent == pending.size() && waiting.empty() && !finish_after; }
  };

  void application_left() noexcept;
  bool finished() const noexcept;
  void push(End& to, std::string_view bytes) noexcept;
  void flush(End& to) noexcept;
  bool application_closed() const noexcept;

  IoWorker& worker_;
  std::array<End, 2> ends_;
  int inner_fd_ = -1;  // the loop's; to ask about, while that end is open
  bool application_gone_ = false;
  bool closing_ = false;
};

}  // namespace hyperion::server
