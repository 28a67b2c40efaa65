// Things that are shared between threads and die with their last user.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace hyperion::base {

// Made with one user: whoever made it (Ref::adopt). Any thread may retain what it holds, and release.
class Counted {
 public:
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  void retain() const noexcept { users_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (users_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  Counted() = default;
  virtual ~Counted() = default;

 private:
  mutable std::atomic<uint32_t> users_{1};
};

// One user of a Counted.
template <class T>
class Ref {
 public:
  Ref() = default;
  // Takes over the user that `counted` was made with.
  static Ref adopt(T* counted) noexcept {
    Ref ref;
    ref.counted_ = counted;
    return ref;
  }
  // One more user of something that somebody else holds at this moment.
  static Ref share(T* counted) noexcept {
    if (counted != nullptr) counted->retain();
    return adopt(counted);
  }
  Ref(const Ref& other) noexcept : counted_(other.counted_) {
    if (counted_ != nullptr) counted_->retain();
  }
  Ref(Ref&& other) noexcept : counted_(std::exchange(other.counted_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(counted_, other.counted_);
    return *this;
  }
  ~Ref() {
    if (counted_ != nullptr) counted_->release();
  }

  void reset() noexcept {
    if (counted_ != nullptr) std::exchange(counted_, nullptr)->release();
  }
  // The user is now the caller's to release.
  T* release() noexcept { return std::exchange(counted_, nullptr); }
  T* get() const noexcept { return counted_; }
  T& operator*() const noexcept { return *counted_; }
  T* operator->() const noexcept { return counted_; }
  explicit operator bool() const noexcept { return counted_ != nullptr; }

 private:
  T* counted_ = nullptr;
};

}  // namespace hyperion::base
