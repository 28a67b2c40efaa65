#include "observe/template_queue.hpp"

#include <utility>

#include "observe/label.hpp"
#include "observe/paths.hpp"

namespace hyperion::observe {

bool TemplateQueue::ask(std::string_view path, unsigned io_thread) {
  const std::lock_guard lock{mutex_};
  if (closed_.load(std::memory_order_relaxed) || questions_.size() >= kMost) return false;
  questions_.push_back({.path = std::string{path}, .io_thread = io_thread});
  changed_.notify_one();
  return true;
}

std::vector<TemplateQueue::Answer> TemplateQueue::take_answers(unsigned io_thread) noexcept {
  if (!answered_[io_thread].load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock{mutex_};
  answered_[io_thread].store(false, std::memory_order_relaxed);
  return std::exchange(answers_[io_thread], {});
}

std::vector<TemplateQueue::Question> TemplateQueue::wait() noexcept {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return interrupted_ || closed_.load(std::memory_order_relaxed) || !questions_.empty(); });
  interrupted_ = false;
  return closed_.load(std::memory_order_relaxed) ? std::vector<Question>{} : std::exchange(questions_, {});
}

void TemplateQueue::interrupt() noexcept {
  const std::lock_guard lock{mutex_};
  interrupted_ = true;
  changed_.notify_all();
}

void TemplateQueue::close() noexcept {
  const std::lock_guard lock{mutex_};
  closed_.store(true, std::memory_order_release);
  changed_.notify_all();
}

void TemplateQueue::answer(const Question& question, std::string_view text) {
  // Longer than a path may be is other: a part of it would mean something else.
  std::string clean = clean_label(text, Paths::kLongest + 1);
  if (clean.size() > Paths::kLongest) clean.clear();
  const std::lock_guard lock{mutex_};
  std::vector<Answer>& answers = answers_[question.io_thread];
  // Who asks has taken what was answered before, so no more than one queue and one batch are ever under way.
  if (answers.size() >= 2 * kMost) return;
  answers.push_back({.path = question.path, .text = std::move(clean)});
  answered_[question.io_thread].store(true, std::memory_order_relaxed);
}

}  // namespace hyperion::observe
