#include "server/admin_desk.hpp"

#include <algorithm>

#include "server/process_end.hpp"

namespace hyperion::server {

serve::AdminHost::Readiness AdminDesk::readiness() const noexcept {
  if (quitting_.load(std::memory_order_acquire) || engine_.draining()) return Readiness::draining;
  return open_.load(std::memory_order_acquire) ? Readiness::ready : Readiness::starting;
}

bool AdminDesk::append_metrics(std::string& out) const noexcept {
  if (!engine_.options().metrics) return false;
  const PoolFigures pool{.queue_depth = queue_.depth(),
                         .threads = static_cast<unsigned>(std::max(0, queue_.seats())),
                         .busy = static_cast<unsigned>(std::max(0, queue_.in_requests())),
                         .most = most_threads_};
  append_metrics_page(out, engine_, pool, facts_, registry_.get());
  return true;
}

void AdminDesk::quit() noexcept {
  if (quitting_.exchange(true, std::memory_order_acq_rel)) return;
  // Where the process is to end with the server, that is sure from here on, whoever holds Ruby's lock.
  process_end::stop_began();
  listener_.quit(listener_.object);
}

}  // namespace hyperion::server
