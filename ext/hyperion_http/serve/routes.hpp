// The responder of the routes that were registered: answers the static ones, and marks requests for a block as such.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "serve/responder.hpp"
#include "serve/route_table.hpp"

namespace hyperion::serve {

class Routes final : public Responder {
 public:
  // `hooks_wanted`: whether anybody wants to hear of native answers afterwards; then their exchanges hold the route.
  // Null: nobody ever.
  Routes(unsigned io_threads, std::shared_ptr<const std::atomic<bool>> hooks_wanted)
      : io_threads_(io_threads), hooks_wanted_(std::move(hooks_wanted)) {}
  ~Routes() override;
  Routes(const Routes&) = delete;
  Routes& operator=(const Routes&) = delete;

  // One thread at a time; also while the server runs. Earlier tables stay until the end: somebody may be in one.
  void use(std::shared_ptr<RouteTable> table);

  Verdict respond(http::Exchange& exchange) noexcept override;

 private:
  struct Attached {
    std::shared_ptr<RouteTable> table;
    std::unique_ptr<RouteTable::Reader[]> readers;
  };

  const unsigned io_threads_;
  const std::shared_ptr<const std::atomic<bool>> hooks_wanted_;
  std::vector<std::unique_ptr<const Attached>> attached_;
  std::atomic<const Attached*> current_{nullptr};
};

}  // namespace hyperion::serve
