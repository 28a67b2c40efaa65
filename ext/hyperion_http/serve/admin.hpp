// The responder of the admin paths: health, metrics, the order to quit. It answers on the I/O thread, so it answers
// while every application thread is stuck and while somebody holds Ruby's lock.
//
//   GET  /-/healthz   200 as long as an I/O thread turns
//   GET  /-/readyz    200, or 503 before the first and after the last moment for new requests
//   GET  /-/metrics   Prometheus' text; with the token
//   POST /-/quit      202, and the server drains; with the token
#pragma once

#include <string>
#include <string_view>

#include "serve/responder.hpp"

namespace hyperion::serve {

// What the responder asks of its server. Any thread, must not block.
class AdminHost {
 public:
  enum class Readiness : uint8_t { starting, ready, draining };

  virtual Readiness readiness() const noexcept = 0;
  // Appends the page. False: there are no metrics.
  virtual bool append_metrics(std::string& out) const noexcept = 0;
  // Begins the end of the server, and returns.
  virtual void quit() noexcept = 0;

 protected:
  ~AdminHost() = default;
};

class Admin final : public Responder {
 public:
  // `token`: empty for none. `own_listener`: the paths exist on connections that came in there (Origin::admin), and
  // nothing else does; otherwise on all.
  Admin(std::string token, bool own_listener, AdminHost& host)
      : token_(std::move(token)), own_listener_(own_listener), host_(host) {}

  Verdict respond(http::Exchange& exchange) noexcept override;

 private:
  enum class Path : uint8_t { none, health, ready, metrics, quit };

  static Path path_of(const http::Request& request) noexcept;
  bool authorized(const http::Request& request) const noexcept;
  bool may_quit(const http::Exchange& exchange) const noexcept;
  void answer(http::Exchange& exchange, Path path) noexcept;

  const std::string token_;
  const bool own_listener_;
  AdminHost& host_;
};

// Whether two secrets are the same, in a time that depends on the length of `given` alone.
bool same_secret(std::string_view secret, std::string_view given) noexcept;

}  // namespace hyperion::serve
