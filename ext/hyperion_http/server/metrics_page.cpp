#include "server/metrics_page.hpp"

#include <array>

#include "observe/exposition.hpp"
#include "observe/snapshot.hpp"

namespace hyperion::server {
namespace {

using observe::ConnectionState;
using observe::Counters;
using observe::Label;
using observe::Shard;

// One process has one worker, the first.
constexpr Label kWorker[] = {{"worker_id", "0"}};

constexpr std::string_view kMethods[] = {"GET",    "HEAD",    "POST",    "PUT",   "PATCH",
                                         "DELETE", "OPTIONS", "CONNECT", "TRACE", "other"};
static_assert(std::size(kMethods) == static_cast<size_t>(http::Method::other) + 1);

constexpr std::string_view kStates[] = {"idle", "reading", "waiting", "writing", "closing"};
static_assert(std::size(kStates) == observe::kConnectionStates);

constexpr std::string_view kAnswerers[] = {"app", "block", "static", "admin", "server"};
static_assert(std::size(kAnswerers) == observe::kAnswerers);
static_assert(observe::kAnswerers == static_cast<size_t>(http::Answerer::server) + 1);

struct Row {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  observe::Counter Counters::*counter;
};

constexpr Row kRows[] = {
    {"hyperion_requests_total", "counter", "Complete requests.", &Counters::requests},
    {"hyperion_requests_in_flight", "gauge", "Complete requests whose response has not been sent.",
     &Counters::requests_in_flight},
    {"hyperion_requests_refused_total", "counter", "Requests that were malformed, too large or too late.",
     &Counters::requests_refused},
    {"hyperion_parse_errors_total", "counter", "Requests that were malformed.", &Counters::parse_errors},
    {"hyperion_requests_aborted_total", "counter", "Requests whose client left before the response was sent.",
     &Counters::requests_aborted},
    {"hyperion_connections_active", "gauge", "Open connections.", &Counters::connections_active},
    {"hyperion_connections_accepted_total", "counter", "Connections that were accepted.",
     &Counters::connections_accepted},
    {"hyperion_accept_errors_total", "counter", "Connections that could not be accepted.", &Counters::accept_errors},
    {"hyperion_rejected_connections_total", "counter",
     "Connections turned away: max-connections, max-connections-per-address.", &Counters::rejected_connections},
    {"hyperion_evicted_connections_total", "counter", "Idle connections closed to make room: max-connections.",
     &Counters::connections_evicted},
    {"hyperion_rejected_pending_total", "counter", "Requests answered 503: max-pending.", &Counters::rejected_pending},
    {"hyperion_requests_held_back_total", "counter",
     "Requests that waited for an earlier one of their connection: max-in-flight-per-conn.",
     &Counters::requests_held_back},
    {"hyperion_slow_requests_total", "counter", "Requests past soft-request-timeout.", &Counters::slow_requests},
    {"hyperion_request_timeouts_total", "counter", "Requests answered 504, or cut off: request-timeout.",
     &Counters::request_timeouts},
    {"hyperion_requests_expired_total", "counter",
     "Requests answered 503, for no app thread took them: request-timeout.", &Counters::requests_expired},
    {"hyperion_slow_bodies_total", "counter", "Request bodies that came too slowly: min-body-rate.",
     &Counters::slow_bodies},
    {"hyperion_slow_readers_total", "counter", "Clients that took their response too slowly: min-write-rate.",
     &Counters::slow_readers},
    {"hyperion_bytes_read_total", "counter", "Bytes that came from clients.", &Counters::bytes_read},
    {"hyperion_bytes_written_total", "counter", "Bytes that were sent to clients.", &Counters::bytes_written},
    {"hyperion_read_timeouts_total", "counter", "Requests that came too slowly.", &Counters::read_timeouts},
    {"hyperion_write_timeouts_total", "counter", "Clients that took their response too slowly.",
     &Counters::write_timeouts},
    {"hyperion_sendfile_responses_total", "counter", "Responses whose body the kernel read from a file.",
     &Counters::sendfile_responses},
};

std::array<double, observe::kEdges.size()> edges_in_seconds() noexcept {
  std::array<double, observe::kEdges.size()> edges{};
  for (size_t i = 0; i < edges.size(); ++i) edges[i] = static_cast<double>(observe::kEdges[i]) / 1e9;
  return edges;
}

// Writes the families one after the other.
class Page {
 public:
  Page(std::string& out, const observe::Area& area) : exposition_(out), snapshot_(area), paths_(area.common().paths) {}

  void number(std::string_view name, std::string_view type, std::string_view help, uint64_t value) {
    exposition_.family(name, type, help);
    exposition_.sample(value);
  }
  void number_of_worker(std::string_view name, std::string_view type, std::string_view help, uint64_t value) {
    exposition_.family(name, type, help);
    exposition_.sample(kWorker, value);
  }
  void build(const PageFacts& facts, std::string_view loop) {
    exposition_.family("hyperion_build_info", "gauge", "Always 1; the labels tell what runs.");
    const Label labels[] = {{"version", facts.version}, {"ruby", facts.ruby}, {"event_loop", loop}};
    exposition_.sample(labels, uint64_t{1});
  }

  void counters();
  void answers();
  void statuses();
  void connections();
  void histogram(std::string_view name, std::string_view help, observe::Histogram Shard::*which);
  void durations();

 private:
  void histogram(std::span<const Label> labels, const observe::HistogramSum& sum) {
    exposition_.histogram(labels, edges_, sum.buckets, static_cast<double>(sum.nanos) / 1e9);
  }

  observe::Exposition exposition_;
  const observe::Snapshot snapshot_;
  const observe::Paths& paths_;
  const std::array<double, observe::kEdges.size()> edges_ = edges_in_seconds();
};

void Page::counters() {
  for (const Row& row : kRows) number(row.name, row.type, row.help, snapshot_.total(row.counter));
  number_of_worker("hyperion_requests_dispatch_total", "counter", "Complete requests, by worker process.",
                   snapshot_.total(&Counters::requests));
}

void Page::answers() {
  exposition_.family("hyperion_requests_answered_total", "counter",
                     "Answered requests by who answered: the application, a block or handler, a static route, an admin "
                     "path, or the server itself with an error.");
  for (size_t i = 0; i < observe::kAnswerers; ++i) {
    const Label labels[] = {{"by", kAnswerers[i]}};
    exposition_.sample(labels, snapshot_.answered(i));
  }
  exposition_.family("hyperion_c_loop_requests_total", "counter", "Requests that a registered route answered.");
  constexpr std::pair<std::string_view, http::Answerer> kKinds[] = {{"static", http::Answerer::static_entry},
                                                                    {"dynamic_block", http::Answerer::block}};
  for (const auto& [kind, answerer] : kKinds) {
    const Label labels[] = {{"kind", kind}};
    exposition_.sample(labels, snapshot_.answered(static_cast<size_t>(answerer)));
  }
}

void Page::statuses() {
  exposition_.family("hyperion_responses_status_total", "counter",
                     "Responses by status; 499: the client left before there was one.");
  for (observe::StatusIndex i = 0; i < observe::kStatuses; ++i) {
    const uint64_t count = snapshot_.status(i);
    if (count == 0) continue;
    const std::string text = i == observe::kOtherStatus ? "other" : std::to_string(i + 100);
    const Label labels[] = {{"status", text}};
    exposition_.sample(labels, count);
  }
}

void Page::connections() {
  exposition_.family("hyperion_connections", "gauge", "Open connections by what they do.");
  for (size_t i = 0; i < observe::kConnectionStates; ++i) {
    const Label labels[] = {{"state", kStates[i]}};
    exposition_.sample(labels, snapshot_.connections(static_cast<ConnectionState>(i)));
  }
}

void Page::histogram(std::string_view name, std::string_view help, observe::Histogram Shard::*which) {
  exposition_.family(name, "histogram", help);
  histogram({}, snapshot_.total(which));
}

void Page::durations() {
  exposition_.family("hyperion_request_duration_seconds", "histogram",
                     "From the first byte of a request to the last byte of its response.");
  for (const auto& series : snapshot_.durations()) {
    const observe::Durations::Labels& labels = series.labels;
    const std::string status = labels.status == observe::kOtherStatus ? "other" : std::to_string(labels.status + 100);
    const Label texts[] = {{"method", kMethods[static_cast<size_t>(labels.method)]},
                           {"path", paths_.text(labels.path)},
                           {"status", status}};
    histogram(texts, series.durations);
  }
}

}  // namespace

void append_metrics_page(std::string& out, const Engine& engine, const PoolFigures& pool, const PageFacts& facts,
                         const observe::Registry* registry) {
  Page page{out, engine.area()};
  page.build(facts, engine.loop_name());
  page.number("hyperion_io_uring_workers_active", "gauge", "Worker processes whose event loop is io_uring.",
              engine.loop_name() == "io_uring" ? 1 : 0);
  page.counters();
  page.answers();
  page.statuses();
  page.connections();
  page.number("hyperion_app_errors_total", "counter", "Requests whose application raised, or answered nonsense.",
              engine.area().common().app_errors.load(std::memory_order_relaxed));
  page.number("hyperion_log_lines_dropped_total", "counter", "Log lines that nobody took.", engine.log().dropped());
  page.number("hyperion_hooks_dropped_total", "counter", "Native answers whose hooks did not run.",
              engine.notes().dropped());
  page.number_of_worker("hyperion_threadpool_queue_depth", "gauge", "Requests that wait for an app thread.",
                        pool.queue_depth);
  page.number("hyperion_threadpool_threads", "gauge", "App threads.", pool.threads);
  page.number("hyperion_threadpool_busy_threads", "gauge", "App threads inside a request.", pool.busy);
  page.number("hyperion_threadpool_max_threads", "gauge", "App threads that there may be.", pool.most);
  page.histogram("hyperion_request_queue_seconds",
                 "From the proxy's X-Request-Start, or where there is none from the complete request, until an app "
                 "thread has it.",
                 &Shard::queue);
  page.histogram("hyperion_gvl_wait_seconds", "From the complete request until an app thread with Ruby's lock has it.",
                 &Shard::lock_wait);
  page.histogram("hyperion_app_seconds", "From then until the application has answered.", &Shard::app);
  page.durations();
  if (registry != nullptr) registry->append_to(out);
}

}  // namespace hyperion::server
