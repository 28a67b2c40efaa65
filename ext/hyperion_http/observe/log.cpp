#include "observe/log.hpp"

#include <fcntl.h>
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
// How long it waits for a reader before it looks at the rings again, in milliseconds.
constexpr int kRoomPause = 20;
// Records of one source that are formatted before the next one's turn, and a write.
constexpr int kBatch = 1024;
// Dropped lines are told once in so long.
constexpr auto kReportPause = std::chrono::seconds{1};
// A pipe with room takes this much without blocking (POSIX: PIPE_BUF bytes are written whole).
constexpr size_t kPipeStep = 4096;
// What may wait in memory for a reader; lines beyond it are dropped and counted.
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
  const std::string_view parts[] = {clipped(entry.method, 64),   clipped(entry.path, kMost),
                                    clipped(entry.query, kMost), clipped(entry.remote, 64),
                                    clipped(entry.version, 16),  clipped(entry.request_id, 256)};
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
  out_.shared = settings_.out_fd;
  err_.shared = settings_.error_fd;
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
  // An exchange on both sides: either the log thread sees the record, or this thread sees that it must be woken.
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
  uint64_t total = overflowed_.load(std::memory_order_relaxed);
  for (const auto& source : sources_) total += source->ring_.dropped();
  return total;
}

// --- The log thread ---

void Log::run() noexcept {
  bool stopping = false;
  bool more = false;
  while (true) {
    if (!out_.pending.empty() || !err_.pending.empty()) {
      wait_for_room();
    } else if (!more && !stopping) {
      wait_for_records();
    }
    dirty_.exchange(false, std::memory_order_acq_rel);
    stopping = look_around();
    more = collect();
    report_drops(stopping && !more);
    flush(out_);
    flush(err_);
    if (!stopping) continue;
    const bool done = !more && out_.pending.empty() && err_.pending.empty();
    if (done || base::now() >= deadline_) break;
  }
  // Whoever reads the other end of a pipe waits for its last writer to go.
  out_.own.reset();
  err_.own.reset();
}

void Log::wait_for_records() noexcept {
  std::unique_lock lock{mutex_};
  rung_.wait(lock, [&] { return stopping_ || dirty_.load(std::memory_order_acquire); });
  if (!stopping_) rung_.wait_for(lock, kBatchPause, [&] { return stopping_; });
}

// Until a descriptor that has not taken everything takes more, or a moment is over.
void Log::wait_for_room() noexcept {
  pollfd waiting[2];
  nfds_t count = 0;
  for (const Sink* sink : {&out_, &err_}) {
    if (!sink->pending.empty()) waiting[count++] = {.fd = sink->fd, .events = POLLOUT, .revents = 0};
  }
  ::poll(waiting, count, kRoomPause);
}

// Takes notice of new sources; true when the log is to stop.
bool Log::look_around() {
  const std::lock_guard lock{mutex_};
  while (known_.size() < sources_.size()) known_.push_back(sources_[known_.size()].get());
  return stopping_;
}

// Formats what waits, a batch at most of each source; true when something is left. Nobody else is kept waiting by it.
bool Log::collect() {
  bool more = false;
  for (Source* source : known_) {
    for (int i = 0; i < kBatch && source->ring_.pop(scratch_); ++i) format(scratch_);
    more = more || !source->ring_.empty();
  }
  return more;
}

void Log::report_drops(bool last) {
  const uint64_t total = dropped();
  const base::Instant now = base::now();
  if (total == reported_ || (now < next_report_ && !last)) return;
  std::string message = "log lines were dropped because nobody took them: ";
  base::append_decimal(message, total - reported_);
  append_message_line(err_.pending, base::wall_micros(), Level::warn, "log", message, settings_);
  reported_ = total;
  next_report_ = now + kReportPause;
}

// Whether there is room for another line; if not, it is counted.
bool Log::admit(const Sink& sink) noexcept {
  if (sink.pending.size() < kMostPending) return true;
  overflowed_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void Log::format(std::string_view record) {
  if (record.front() == 'A') {
    format_access(record);
  } else {
    format_message(record);
  }
}

void Log::format_access(std::string_view record) {
  if (!admit(out_)) return;
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
  if (!admit(sink)) return;
  append_message_line(sink.pending, head.wall_micros, head.level, record.substr(0, head.component_size),
                      record.substr(head.component_size), settings_);
}

// Terminals and pipes are shared with others and may be held by their readers, so their own flags are not ours to
// change, and a write to them may block: a second way to them can be told not to.
void Log::Sink::look() noexcept {
  struct stat kind {};
  const bool open = ::fstat(shared, &kind) == 0;
  regular = open && S_ISREG(kind.st_mode);
  const bool holdable = open && (S_ISCHR(kind.st_mode) || S_ISFIFO(kind.st_mode));
  // What stands behind the number may change (dup2 over standard output).
  if (holdable && own && device == kind.st_dev && inode == kind.st_ino) return;
  own.reset();
  fd = shared;
  if (!holdable) return;
  const std::string path = "/proc/self/fd/" + std::to_string(shared);
  own = base::GuardedFd{base::UniqueFd{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)}};
  if (!own) return;
  fd = own.get();
  device = kind.st_dev;
  inode = kind.st_ino;
}

// Writes what the descriptor takes without blocking.
void Log::flush(Sink& sink) noexcept {
  if (sink.pending.empty()) return;
  sink.look();
  size_t written = 0;
  while (written < sink.pending.size()) {
    std::string_view rest = std::string_view{sink.pending}.substr(written);
    if (!sink.regular) {
      pollfd waiter{.fd = sink.fd, .events = POLLOUT, .revents = 0};
      if (sink.fd >= 0 && ::poll(&waiter, 1, 0) == 0) break;
      // Whole lines, in a step that a pipe takes in one piece, so that the lines of several processes do not mix.
      const size_t end = rest.substr(0, kPipeStep).rfind('\n');
      rest = rest.substr(0, end == std::string_view::npos ? kPipeStep : end + 1);
    }
    const ssize_t wrote = ::write(sink.fd, rest.data(), rest.size());
    if (wrote < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      written = sink.pending.size();  // a closed or broken log cannot be helped
      break;
    }
    written += static_cast<size_t>(wrote);
  }
  sink.pending.erase(0, written);
}

}  // namespace hyperion::observe
