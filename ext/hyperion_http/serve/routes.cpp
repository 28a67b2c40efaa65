#include "serve/routes.hpp"

#include "serve/conditional.hpp"

namespace hyperion::serve {
namespace {

const http::Prepared& choose(const Route::Fixed& fixed, const http::Request& request) noexcept {
  if (fixed.etag.empty()) return fixed.full;
  switch (evaluate(request, fixed.etag)) {
    case Condition::met: return fixed.full;
    case Condition::not_modified: return *fixed.not_modified;
    case Condition::failed: return *fixed.failed;
  }
  return fixed.full;
}

}  // namespace

Routes::~Routes() {
  for (const auto& attached : attached_) {
    for (unsigned i = 0; i < io_threads_; ++i) attached->table->detach(attached->readers[i]);
  }
}

void Routes::use(std::shared_ptr<RouteTable> table) {
  auto attached = std::make_unique<Attached>();
  attached->table = std::move(table);
  attached->readers = std::make_unique<RouteTable::Reader[]>(io_threads_);
  for (unsigned i = 0; i < io_threads_; ++i) attached->table->attach(attached->readers[i]);
  attached_.push_back(std::move(attached));
  current_.store(attached_.back().get(), std::memory_order_release);
}

Verdict Routes::respond(http::Exchange& exchange) noexcept {
  const Attached* attached = current_.load(std::memory_order_acquire);
  if (attached == nullptr) return Verdict::not_mine;
  const Route* route = attached->table->find(exchange.request, attached->readers[exchange.io_thread]);
  if (route == nullptr) return Verdict::not_mine;
  if (!route->fixed) {
    exchange.answerer = http::Answerer::block;
    exchange.route = route->number;
    exchange.held = base::Ref<const base::Counted>::share(route);
    return Verdict::dispatch;
  }
  exchange.answerer = http::Answerer::static_entry;
  if (hooks_wanted_ != nullptr && hooks_wanted_->load(std::memory_order_relaxed)) {
    exchange.held = base::Ref<const base::Counted>::share(route);
  }
  const http::Prepared& prepared = choose(*route->fixed, exchange.request);
  exchange.response.prepared = &prepared;
  exchange.response.status = prepared.status;
  return Verdict::answered;
}

}  // namespace hyperion::serve
