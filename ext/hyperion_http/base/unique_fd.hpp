// Owners of a file descriptor. The only place that closes one.
#pragma once

#include <unistd.h>

#include <utility>

#include "base/fork_guard.hpp"

namespace hyperion::base {

class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  bool valid() const noexcept { return fd_ >= 0; }
  explicit operator bool() const noexcept { return valid(); }
  // Gives the descriptor to the caller, who closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  // EINTR from close is not retried: on Linux the descriptor is gone either way.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// One that a forked child of the process does not keep (base/fork_guard).
class GuardedFd {
 public:
  GuardedFd() noexcept = default;
  explicit GuardedFd(UniqueFd fd) noexcept : fd_(std::move(fd)) { guard_fd(fd_.get()); }
  GuardedFd(GuardedFd&& other) noexcept = default;
  GuardedFd& operator=(GuardedFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::move(other.fd_);
    }
    return *this;
  }
  GuardedFd(const GuardedFd&) = delete;
  GuardedFd& operator=(const GuardedFd&) = delete;
  ~GuardedFd() { reset(); }

  int get() const noexcept { return fd_.get(); }
  bool valid() const noexcept { return fd_.valid(); }
  explicit operator bool() const noexcept { return valid(); }
  void reset() noexcept {
    unguard_fd(fd_.get());
    fd_.reset();
  }
  // Gives it away, children and all.
  [[nodiscard]] UniqueFd release() noexcept {
    unguard_fd(fd_.get());
    return std::move(fd_);
  }

 private:
  UniqueFd fd_;
};

}  // namespace hyperion::base
