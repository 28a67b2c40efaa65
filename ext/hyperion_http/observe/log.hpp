// The log: one native thread that formats and writes what others hand it through rings, so that neither the disk nor a
// pipe that nobody reads ever stops a request. Info goes to standard output, warnings and errors to standard error.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/native_thread.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "observe/log_entry.hpp"
#include "observe/outbox.hpp"
#include "observe/record_ring.hpp"

namespace hyperion::observe {

struct LogSettings {
  Level level = Level::info;
  Style out;    // of information and the access log
  Style error;  // of warnings and errors
  bool requests = true;
  int out_fd = 1;
  int error_fd = 2;
  size_t ring_bytes = size_t{1} << 18;
  // Where it is given, lines go there, with the style of `out`, and not to the descriptors.
  std::shared_ptr<Outbox> outbox;
};

class Log {
 public:
  // A place to log from: owned by one thread, or guarded by its users.
  class Source {
   public:
    Source(Log& log, size_t ring_bytes) : log_(log), ring_(ring_bytes) {}

    void access(const AccessEntry& entry) noexcept;
    // `component` and `message`: any bytes; they are escaped. `fields`: packed (log_fields).
    void write(Level level, std::string_view component, std::string_view message,
               std::string_view fields = {}) noexcept;

   private:
    friend class Log;

    Log& log_;
    RecordRing ring_;
  };

  explicit Log(LogSettings settings);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  const LogSettings& settings() const noexcept { return settings_; }
  bool logs_requests() const noexcept { return settings_.requests && settings_.level <= Level::info; }

  base::Status start();
  // A new source; lives as long as the log.
  Source& open_source();
  // For any thread: a source guarded by a mutex.
  void write(Level level, std::string_view component, std::string_view message, std::string_view fields = {}) noexcept;
  // Writes what is waiting, but waits for a reader at most so long; then ends the thread.
  void stop(base::Duration patience) noexcept;
  // Lines that nobody took in time, and those that could not be written.
  uint64_t dropped() const noexcept { return missed() + unwritten_.load(std::memory_order_relaxed); }

 private:
  // Where lines go. The log thread's alone.
  struct Sink {
    void look() noexcept;

    int shared = -1;      // the caller's descriptor
    base::GuardedFd own;  // another way to the same pipe or terminal, which never blocks
    int fd = -1;          // the one that is written to
    bool regular = false;
    dev_t device = 0;  // what `own` leads to
    ino_t inode = 0;
    std::string pending;
    bool torn = false;  // the last line that it took lacks its end
    int reports = 0;    // lines of `pending` that tell of dropped lines
  };
  // Dropped lines of which somebody was told.
  struct Told {
    uint64_t missed = 0;
    uint64_t unwritten = 0;
    friend bool operator==(const Told&, const Told&) = default;
  };

  void ring() noexcept;
  void run() noexcept;
  void wait_for_records() noexcept;
  void wait_for_room() noexcept;
  bool look_around();
  bool collect();
  void format(std::string_view record);
  void format_access(std::string_view record);
  void format_message(std::string_view record);
  bool admit(const Sink& sink) noexcept;
  void hand_over(Level level) noexcept;
  uint64_t missed() const noexcept;
  Told drops() const noexcept { return {missed(), unwritten_.load(std::memory_order_relaxed)}; }
  void report_drops(bool last);
  void report(std::string_view message);
  void flush(Sink& sink) noexcept;
  void give_up(Sink& sink, size_t written, bool mended, int reason) noexcept;

  LogSettings settings_;
  mutable std::mutex mutex_;  // guards sources_ (the list), stopping_, deadline_ and the condition
  std::condition_variable rung_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::mutex shared_mutex_;  // guards the shared source
  Source* shared_ = nullptr;
  std::atomic<bool> dirty_{false};
  bool stopping_ = false;
  base::Instant deadline_ = base::Instant::max();
  std::atomic<uint64_t> overflowed_{0};  // lines that found no room
  std::atomic<uint64_t> unwritten_{0};   // lines that a descriptor refused
  // The log thread's alone.
  std::vector<Source*> known_;
  Sink out_;
  Sink err_;
  std::string scratch_;
  std::string line_;
  int refusal_ = 0;  // why a descriptor refused the last lines
  Told told_;        // a report of these is in a sink, or beyond
  Told heard_;       // and of these it has left
  base::Instant next_report_{};
  base::NativeThread thread_;
};

}  // namespace hyperion::observe
