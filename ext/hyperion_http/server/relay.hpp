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

 private:
  // One socket; `pending` is on its way out of it.
  struct End {
    net::Handle handle;
    std::string pending;
    size_t sent = 0;
    bool sending = false;
    bool finish_after = false;  // shut down once pending is gone
    bool ended = false;         // nothing more comes from it
    bool closed = false;
  };

  void push(End& to, std::string_view bytes) noexcept;
  void flush(End& to) noexcept;
  void close() noexcept;

  IoWorker& worker_;
  std::array<End, 2> ends_;
  bool closing_ = false;
};

}  // namespace hyperion::server
