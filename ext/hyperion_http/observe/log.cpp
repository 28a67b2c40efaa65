#include "observe/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

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
  uint32_t sizes[7];
};

struct MessageHead {
  char kind = 'M';
  Level level;
  int64_t wall_micros;
  uint32_t component_size;
  uint32_t fields_size;
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
  const std::string_view parts[] = {clipped(entry.method, 64),
                                    clipped(entry.path, kMost),
                                    clipped(entry.query, kMost),
                                    clipped(entry.remote, 64),
                                    clipped(entry.version, 16),
                                    clipped(entry.request_id, 256),
                                    entry.fields};
  AccessHead head{};
  head.kind = 'A';
  head.status = entry.status;
  head.wall_micros = entry.wall_micros;
  head.duration_nanos = entry.duration_nanos;
  head.response_bytes = entry.response_bytes;
  for (size_t i = 0; i < std::size(parts); ++i) head.sizes[i] = static_cast<uint32_t>(parts[i].size());
  const std::string_view record[] = {bytes_of(head), parts[0], parts[1], parts[2],
                                     parts[3],       parts[4], parts[5], parts[6]};
  ring_.push(record);
  log_.ring();
}

void Log::Source::write(Level level, std::string_view component, std::string_view message,
                        std::string_view fields) noexcept {
  if (level < log_.settings_.level) return;
  MessageHead head{};
  head.kind = 'M';
  head.level = level;
  head.wall_micros = base::wall_micros();
  component = clipped(component, 64);
  head.component_size = static_cast<uint32_t>(component.size());
  head.fields_size = static_cast<uint32_t>(fields.size());
  const std::string_view record[] = {bytes_of(head), component, fields, clipped(message, size_t{32} * 1024)};
  ring_.push(record);
  log_.ring();
}

Log::Log(LogSettings settings) : settings_(std::move(settings)) {
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

void Log::write(Level level, std::string_view component, std::string_view message, std::string_view fields) noexcept {
  const std::lock_guard lock{shared_mutex_};
  shared_->write(level, component, message, fields);
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

uint64_t Log::missed() const noexcept {
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
  if (settings_.outbox != nullptr) settings_.outbox->close();
}

void Log::wait_for_records() noexcept {
  // Dropped lines are told of even when no further line comes.
  const bool owes_report = drops() != told_;
  const auto any = [&] { return stopping_ || dirty_.load(std::memory_order_acquire); };
  std::unique_lock lock{mutex_};
  if (owes_report) {
    rung_.wait_until(lock, next_report_, any);
  } else {
    rung_.wait(lock, any);
  }
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

// Told once in a while. A report that cannot be written is tried again with the next lines: it comes as soon as they
// go.
void Log::report_drops(bool last) {
  const Told total = drops();
  const base::Instant now = base::now();
  if (total == told_ || (now < next_report_ && !last)) return;
  if (total.missed != told_.missed) {
    std::string message = "log lines were dropped because nobody took them: ";
    base::append_decimal(message, total.missed - told_.missed);
    report(message);
  }
  if (total.unwritten != told_.unwritten) {
    char text[128];
    std::string message = "log lines were dropped because they could not be written (";
    message += strerror_r(refusal_, text, sizeof text);
    message += "): ";
    base::append_decimal(message, total.unwritten - told_.unwritten);
    report(message);
  }
  told_ = total;
  if (err_.reports == 0) heard_ = told_;
  next_report_ = now + kReportPause;
}

// On standard error, and to the logger, too: it may be what is late, or what people look at.
void Log::report(std::string_view text) {
  const Message message{.wall_micros = base::wall_micros(), .level = Level::warn, .source = "log", .text = text};
  if (settings_.outbox != nullptr) {
    line_.clear();
    append_message_line(line_, message, settings_.out);
    line_.pop_back();
    (void)settings_.outbox->push(Level::warn, line_);
  }
  append_message_line(err_.pending, message, settings_.error);
  ++err_.reports;
}

// Whether there is room for another line; if not, it is counted.
bool Log::admit(const Sink& sink) noexcept {
  if (sink.pending.size() < kMostPending) return true;
  overflowed_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

// Gives line_ to the logger.
void Log::hand_over(Level level) noexcept {
  line_.pop_back();
  if (!settings_.outbox->push(level, line_)) overflowed_.fetch_add(1, std::memory_order_relaxed);
}

void Log::format(std::string_view record) {
  if (record.front() == 'A') {
    format_access(record);
  } else {
    format_message(record);
  }
}

void Log::format_access(std::string_view record) {
  if (settings_.outbox == nullptr && !admit(out_)) return;
  AccessHead head{};
  std::memcpy(&head, record.data(), sizeof head);
  record.remove_prefix(sizeof head);
  std::string_view parts[std::size(head.sizes)];
  for (size_t i = 0; i < std::size(parts); ++i) {
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
                          .request_id = parts[5],
                          .fields = parts[6]};
  if (settings_.outbox == nullptr) return append_access_line(out_.pending, entry, settings_.out);
  line_.clear();
  append_access_line(line_, entry, settings_.out);
  hand_over(Level::info);
}

void Log::format_message(std::string_view record) {
  MessageHead head{};
  std::memcpy(&head, record.data(), sizeof head);
  record.remove_prefix(sizeof head);
  const std::string_view component = record.substr(0, head.component_size);
  record.remove_prefix(component.size());
  const Message message{.wall_micros = head.wall_micros,
                        .level = head.level,
                        .source = component,
                        .text = record.substr(head.fields_size),
                        .fields = record.substr(0, head.fields_size)};
  if (settings_.outbox != nullptr) {
    line_.clear();
    append_message_line(line_, message, settings_.out);
    return hand_over(head.level);
  }
  const bool grave = head.level >= Level::warn;
  Sink& sink = grave ? err_ : out_;
  if (admit(sink)) append_message_line(sink.pending, message, grave ? settings_.error : settings_.out);
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
  const bool mended = std::exchange(sink.torn, false);
  if (mended) sink.pending.insert(sink.pending.begin(), '\n');
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
      return give_up(sink, written, mended, errno);
    }
    written += static_cast<size_t>(wrote);
  }
  sink.pending.erase(0, written);
  if (!sink.pending.empty()) return;
  if (std::exchange(sink.reports, 0) > 0) heard_ = told_;
}

// A disk that is full, a pipe whose reader is gone: nobody waits until that is better. What is lost is counted.
void Log::give_up(Sink& sink, size_t written, bool mended, int reason) noexcept {
  const std::string_view lost = std::string_view{sink.pending}.substr(written);
  auto lines = std::count(lost.begin(), lost.end(), '\n');
  if (mended && written == 0) --lines;
  lines -= std::min<decltype(lines)>(lines, sink.reports);
  sink.torn = written == 0 ? mended : sink.pending[written - 1] != '\n';
  if (std::exchange(sink.reports, 0) > 0) told_ = heard_;
  sink.pending.clear();
  refusal_ = reason;
  unwritten_.fetch_add(static_cast<uint64_t>(lines), std::memory_order_relaxed);
}

}  // namespace hyperion::observe
