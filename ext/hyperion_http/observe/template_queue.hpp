// Paths on their way to the user's templater, which is Ruby's, and its answers on their way back. Bounded on both ways:
// what finds no room is asked again when it comes again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hyperion::observe {

class TemplateQueue {
 public:
  static constexpr size_t kMost = 256;
  // A path that is longer is never asked.
  static constexpr size_t kLongestPath = 512;

  struct Question {
    std::string path;
    unsigned io_thread = 0;
  };
  struct Answer {
    std::string path;
    std::string text;  // empty: other
  };

  explicit TemplateQueue(unsigned io_threads) : answers_(io_threads), answered_(io_threads) {}

  // --- An I/O thread ---

  // False: there is no room.
  bool ask(std::string_view path, unsigned io_thread);
  // Answers for this thread, mostly none.
  std::vector<Answer> take_answers(unsigned io_thread) noexcept;

  // --- The templater's thread, without Ruby's lock ---

  // Waits for questions. Empty: interrupted, or closed.
  std::vector<Question> wait() noexcept;
  // Any thread; sticky until the next wait.
  void interrupt() noexcept;
  void close() noexcept;
  bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  // `text` is cleaned; empty: other.
  void answer(const Question& question, std::string_view text);

 private:
  std::mutex mutex_;  // guards the rest, but for the atomics
  std::condition_variable changed_;
  std::vector<Question> questions_;
  std::vector<std::vector<Answer>> answers_;
  bool interrupted_ = false;
  std::atomic<bool> closed_{false};
  std::vector<std::atomic<bool>> answered_;  // a look at it costs no lock
};

}  // namespace hyperion::observe
