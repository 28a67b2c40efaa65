// Two side doors between the answerer of an exchange and the I/O thread: interim responses on their way out, and the
// connection itself on its way to a hijacker.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "http/fields.hpp"

namespace hyperion::http {

// Field lists of 103 responses (RFC 8297), from the answerer to the I/O thread.
class InterimQueue {
 public:
  void push(FieldList fields) {
    const std::lock_guard lock{mutex_};
    waiting_.push_back(std::move(fields));
  }
  std::vector<FieldList> take() noexcept {
    const std::lock_guard lock{mutex_};
    return std::exchange(waiting_, {});
  }
  // Nobody pushes any more.
  void clear() noexcept { waiting_.clear(); }

 private:
  std::mutex mutex_;
  std::vector<FieldList> waiting_;
};

// One descriptor, or the reason why there is none, from the I/O thread to a waiting answerer.
class Handoff {
 public:
  // Answerer, without Ruby's lock. Nothing when interrupted; ask again later then.
  std::optional<base::Result<base::UniqueFd>> wait() noexcept {
    std::unique_lock lock{mutex_};
    arrived_.wait(lock, [&] { return parcel_.has_value() || interrupted_; });
    interrupted_ = false;
    return std::exchange(parcel_, std::nullopt);
  }
  // Any thread; sticky until the next wait.
  void interrupt() noexcept {
    const std::lock_guard lock{mutex_};
    interrupted_ = true;
    arrived_.notify_all();
  }
  // I/O thread.
  void deliver(base::Result<base::UniqueFd> parcel) noexcept {
    const std::lock_guard lock{mutex_};
    parcel_.emplace(std::move(parcel));
    arrived_.notify_all();
  }
  void clear() noexcept {
    parcel_.reset();
    interrupted_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<base::Result<base::UniqueFd>> parcel_;
  bool interrupted_ = false;
};

}  // namespace hyperion::http
