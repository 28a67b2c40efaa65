// Lines for a logger that is a Ruby object: from the log thread to the one Ruby thread that calls it, through a bounded
// queue. A logger that is slow stops nobody; what finds no room is the log's to count.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "observe/log_entry.hpp"

namespace hyperion::observe {

class Outbox {
 public:
  struct Line {
    Level level;
    std::string text;  // without its end
  };
  enum class Wake { lines, closed, interrupted };

  // `most`: bytes of lines that may wait.
  explicit Outbox(size_t most = size_t{1} << 20) noexcept : most_(most) {}

  // Log thread. False when there is no room.
  bool push(Level level, std::string_view text) noexcept;
  // No more lines will come.
  void close() noexcept;

  // The Ruby thread, without the lock: waits for lines, and moves some of them to `lines`. `closed`: none will come.
  Wake take(std::vector<Line>& lines) noexcept;
  // Any thread; sticky until the next take.
  void interrupt() noexcept;

 private:
  const size_t most_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Line> waiting_;
  size_t bytes_ = 0;
  bool closed_ = false;
  bool interrupted_ = false;
};

}  // namespace hyperion::observe
