// The engine without Ruby: every request answered natively on the I/O thread. The ceiling of what an application can
// reach, for `wrk` against it. Usage: native_hello [port]
#include <cstdio>
#include <cstdlib>

#include "server/engine.hpp"

namespace {

class Hello final : public hyperion::serve::Responder {
 public:
  hyperion::serve::Verdict respond(hyperion::http::Exchange& exchange) noexcept override {
    exchange.response.add("content-type", "text/plain");
    exchange.response.bytes = "hello";
    return hyperion::serve::Verdict::answered;
  }
};

class Nobody final : public hyperion::server::Dispatcher {
 public:
  void dispatch(hyperion::server::ExchangeChain&&) noexcept override {}
  void overdue(const hyperion::http::Exchange&, bool) noexcept override {}
  int64_t pending() const noexcept override { return 0; }
  void turn_ended(bool) noexcept override {}
  void awake() noexcept override {}
};

}  // namespace

int main(int argc, char** argv) {
  hyperion::server::Options options;
  options.log.requests = false;
  Hello hello;
  Nobody nobody;
  hyperion::server::Engine engine{options, nobody};
  engine.add_responder(hello);
  if (!engine.listen_tcp("127.0.0.1", static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0)) || !engine.start()) {
    std::fputs("cannot start\n", stderr);
    return 1;
  }
  std::printf("%s\n", engine.listeners().front().url().c_str());
  std::fflush(stdout);
  (void)engine.wait_drained(hyperion::base::Duration::max());
}
