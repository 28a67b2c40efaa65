#include "observe/recorder.hpp"

#include "observe/request_start.hpp"

namespace hyperion::observe {
namespace {

constexpr base::Instant kNever{};

// Whoever looks for paths that do not exist is not to fill the table of those that do.
bool says_that_there_is_nothing(int status) noexcept { return status == 404 || status == 405; }

}  // namespace

Recorder::Recorder(const Area& area, unsigned io_thread, bool timings, TemplateQueue* theirs)
    : shard_(area.shards()[io_thread]), paths_(area.common().paths), timings_(timings) {
  if (theirs != nullptr) theirs_.emplace(*theirs, paths_, io_thread);
}

void Recorder::finished(const http::Exchange& exchange, int status, base::Instant now) noexcept {
  shard_.statuses[status_index(status)].add();
  if (exchange.superseded != 0) {
    shard_.answered[static_cast<size_t>(http::Answerer::server)].add();
  } else if (exchange.delivered || exchange.answered_seen) {
    shard_.answered[static_cast<size_t>(exchange.answerer)].add();
    if (exchange.response.body == http::Response::Body::file && exchange.response.prepared == nullptr) {
      shard_.counters.sendfile_responses.add();
    }
  }
  if (!timings_) return;
  if (exchange.began != kNever) {
    shard_.durations.observe(
        {.method = exchange.request.method_name.size == 0 ? http::Method::other : exchange.request.method,
         .path = path_of(exchange, status),
         .status = status_index(status)},
        now - exchange.began);
  }
  // Until it has answered, these are the answerer's alone.
  if (exchange.answered_seen && exchange.taken.load(std::memory_order_relaxed) != kNever) record_answerer(exchange);
}

void Recorder::record_answerer(const http::Exchange& exchange) noexcept {
  const base::Instant taken = exchange.taken.load(std::memory_order_relaxed);
  const base::Duration wait = taken - exchange.ready;
  shard_.lock_wait.observe(wait);
  if (exchange.answered != kNever) shard_.app.observe(exchange.answered - taken);
  base::Duration queued = wait;
  if (const auto start = exchange.request.fields.find(http::KnownField::x_request_start)) {
    const auto since_taken = std::chrono::duration_cast<std::chrono::microseconds>(base::now() - taken);
    if (const auto known = queued_since(*start, base::wall_micros() - since_taken.count())) queued = *known;
  }
  shard_.queue.observe(queued);
}

Paths::Id Recorder::path_of(const http::Exchange& exchange, int status) noexcept {
  const std::string_view path = exchange.request.view(exchange.request.path);
  const bool known_only = exchange.answerer == http::Answerer::server || says_that_there_is_nothing(status);
  if (theirs_) return theirs_->find(path, !known_only);
  const std::string_view shape = template_.of(path);
  if (shape.empty()) return Paths::kOther;
  return known_only ? paths_.find(shape) : paths_.intern(shape);
}

}  // namespace hyperion::observe
