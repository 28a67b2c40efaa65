// No descriptor can be opened while it lives: EMFILE for everybody in the process.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include "base/unique_fd.hpp"

namespace hyperion::test {

class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    // Descriptors above the limit stay open; what counts is the next number that would be given out.
    const base::UniqueFd next{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next.get());
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace hyperion::test
