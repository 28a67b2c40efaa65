// A process that runs out of descriptors: EMFILE for everybody in it, from take_all to give_back.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include <vector>

#include "base/unique_fd.hpp"

namespace hyperion::test {

// Made before the loop or the server: io_uring keeps the limit that held when an accept was submitted.
class FewDescriptors {
 public:
  explicit FewDescriptors(int spare = 64) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    // Descriptors above the limit stay open; what counts is the next number that would be given out.
    const base::UniqueFd next = open_one();
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(next.get() + spare);
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

  void take_all() {
    while (base::UniqueFd fd = open_one()) taken_.push_back(std::move(fd));
  }
  void give_back() { taken_.clear(); }

 private:
  static base::UniqueFd open_one() { return base::UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

  rlimit before_{};
  std::vector<base::UniqueFd> taken_;
};

}  // namespace hyperion::test
