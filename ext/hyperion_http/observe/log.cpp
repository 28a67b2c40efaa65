#include "observe/log.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/number.hpp"
#include "observe/log_format.hpp"

namespace hyperion::observe {
namespace {

// How long the log thread lets lines collect after it was woken: many lines a write, few wake-ups a second.
constexpr auto kBatchPause = std::chrono::milliseconds{10};
// A pipe with room takes this much without blocking (POSIX: PIPE_BUF bytes are written whole).
constexpr size_t kPipeStep = 4096;
// What may wait in memory for a reader before lines stay in the rings, where they are dropped and counted.
constexpr size_t kMostPending = size_t{1} << 20;

// A record in a ring: one of these, then the bytes of its strings.
struct AccessHead {
  char kind = 'A';
  int32_t status;
  int64_t wall_micros;
  uint64_t duration_nanos;
  uint64_t response_bytes;
  uint32_t sizes[6];
};

struct MessageHead {
  char kind = 'M';
  Level level;
  int64_t wall_micros;
  uint32_t component_size;
};

template <class Head>
std::string_view bytes_of(const Head& head) noexcept {
  return {reinterpret_cast<const char*>(&head), sizeof head};
}

std::string_view clipped(std::string_view text, size_t most) noexcept { return text.substr(0, most); }

}  // namespace

void Log::Source::access(const AccessEntry& entry) noexcept {
  // One giant target must not push out a thousand other lines.
  constexpr size_t kMost = 2048;
  const std::string_view parts[] = {clipped(entry.method, 64),     clipped(entry.path, kMost), clipped(entry.query, kMost),
                                    clipped(entry.remote, 64),     clipped(entry.version, 16), clipped(entry.request_id, 256)};
  AccessHead head{};
  head.kind = 'A';
  head.status = entry.status;
  head.wall_micros = entry.wall_micros;
  head.duration_nanos = entry.duration_nanos;
  head.response_bytes = entry.response_bytes;
  for (size_t i = 0; i < std::size(parts); ++i) head.sizes[i] = static_cast<uint32_t>(parts[i].size());
  const std::string_view record[] = {bytes_of(head), parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]};
  ring_.push(record);
  log_.ring();
}

void Log::Source::write(Level level, std::string_view component, std::string_view message) noexcept {
  if (level < log_.settings_.level) return;
  MessageHead head{};
  head.kind = 'M';
  head.level = level;
  head.wall_micros = base::wall_micros();
  component = clipped(component, 64);
  head.component_size = static_cast<uint32_t>(component.size());
  const std::string_view record[] = {bytes_of(head), component, clipped(message, size_t{32} * 1024)};
  ring_.push(record);
  log_.ring();
}

Log::Log(LogSettings settings) : settings_(settings) {
  out_.fd = settings_.out_fd;
  err_.fd = settings_.error_fd;
  shared_ = &open_source();
}

Log::~Log() { stop(std::chrono::seconds{1}); }

Log::Source& Log::open_source() {
  const std::lock_guard lock{mutex_};
  sources_.push_back(std::make_unique<Source>(*this, settings_.ring_bytes));
  return *sources_.back();
}

void Log::write(Level level, std::string_view component, std::string_view message) noexcept {
  const std::lock_guard lock{shared_mutex_};
  shared_->write(level, component, message);
}

base::Status Log::start() {
  auto started = base::NativeThread::start("hyperion-log", [this] { run(); });
  if (!started) return started.error();
  thread_ = std::move(started).value();
  return {};
}

void Log::ring() noexcept {
  if (dirty_.load(std::memory_order_relaxed)) return;
  if (dirty_.exchange(true, std::memory_order_acq_rel)) return;
  const std::lock_guard lock{mutex_};
  rung_.notify_one();
}

void Log::stop(base::Duration patience) noexcept {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    deadline_ = base::now() + patience;
    rung_.notify_one();
  }
  thread_.join();
}

uint64_t Log::dropped() const noexcept {
  const std::lock_guard lock{mutex_};
  uint64_t total = 0;
  for (const auto& source : sources_) total += source->ring_.dropped();
  return total;
}

void Log::run() noexcept {
  while (true) {
    bool stopping = false;
    {
      std::unique_lock lock{mutex_};
      const bool blocked = !out_.pending.empty() || !err_.pending.empty();
      const auto woken = [&] { return stopping_ || dirty_.load(std::memory_order_acquire); };
      if (blocked) {
        rung_.wait_for(lock, std::chrono::milliseconds{50}, [&] { return stopping_; });
      } else {
        rung_.wait(lock, woken);
        if (!stopping_) rung_.wait_for(lock, kBatchPause, [&] { return stopping_; });
      }
      stopping = stopping_;
    }
    dirty_.store(false, std::memory_order_release);
    bool more = true;
    while (more) {
      more = collect();
      const bool out_free = flush(out_);
      const bool err_free = flush(err_);
      if (!out_free || !err_free) break;
    }
    if (more) dirty_.store(true, std::memory_order_release);
    if (!stopping) continue;
    const bool done = !more && out_.pending.empty() && err_.pending.empty();
    if (done || base::now() >= deadline_) return;
  }
}

// Formats what waits, as long as there is room for it; true when something is left.
bool Log::collect() {
  const std::lock_guard lock{mutex_};
  std::string record;
  for (const auto& source : sources_) {
    while (out_.pending.size() < kMostPending && err_.pending.size() < kMostPending && source->ring_.pop(record)) {
      format(record);
    }
    report_drops(*source);
  }
  return std::any_of(sources_.begin(), sources_.end(), [](const auto& source) { return !source->ring_.empty(); });
}

void Log::report_drops(Source& source) {
  const uint64_t dropped = source.ring_.dropped();
  if (dropped == source.reported_drops_ || err_.pending.size() >= kMostPending) return;
  std::string message = "log lines were dropped because nobody took them: ";
  base::append_decimal(message, dropped - source.reported_drops_);
  source.reported_drops_ = dropped;
  append_message_line(err_.pending, base::wall_micros(), Level::warn, "log", message, settings_);
}

void Log::format(std::string_view record) {
  if (record.front() == 'A') {
    format_access(record);
  } else {
    format_message(record);
  }
}

void Log::format_access(std::string_view record) {
  AccessHead head{};
  std::memcpy(&head, record.data(), sizeof head);
  record.remove_prefix(sizeof head);
  std::string_view parts[6];
  for (size_t i = 0; i < 6; ++i) {
    parts[i] = record.substr(0, head.sizes[i]);
    record.remove_prefix(head.sizes[i]);
  }
  const AccessEntry entry{.wall_micros = head.wall_micros,
                          .duration_nanos = head.duration_nanos,
                          .response_bytes = head.response_bytes,
                          .status = head.status,
                          .method = parts[0],
                          .path = parts[1],
                          .query = parts[2],
                          .remote = parts[3],
                          .version = parts[4],
                          .request_id = parts[5]};
  append_access_line(out_.pending, entry, settings_);
}

void Log::format_message(std::string_view record) {
  MessageHead head{};
  std::memcpy(&head, record.data(), sizeof head);
  record.remove_prefix(sizeof head);
  Sink& sink = head.level >= Level::warn ? err_ : out_;
  append_message_line(sink.pending, head.wall_micros, head.level, record.substr(0, head.component_size),
                      record.substr(head.component_size), settings_);
}

bool Log::flush(Sink& sink) noexcept {
  size_t written = 0;
  struct stat kind {};
  const bool regular = ::fstat(sink.fd, &kind) == 0 && S_ISREG(kind.st_mode);
  while (written < sink.pending.size()) {
    size_t step = sink.pending.size() - written;
    if (!regular) {
      pollfd waiter{.fd = sink.fd, .events = POLLOUT, .revents = 0};
      if (::poll(&waiter, 1, 0) == 0) break;
      step = std::min(step, kPipeStep);
    }
    const ssize_t wrote = ::write(sink.fd, sink.pending.data() + written, step);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      written = sink.pending.size();  // a closed or broken log cannot be helped
      break;
    }
    written += static_cast<size_t>(wrote);
  }
  sink.pending.erase(0, written);
  return sink.pending.empty();
}

}  // namespace hyperion::observe
