// Whether the io_uring loop works here and now: this build, this kernel, this process. Tries it instead of reading
// version numbers, for distributions carry patches and sandboxes refuse what the kernel has.
#pragma once

#include <string>
#include <string_view>

namespace hyperion::net {

struct UringProbe {
  // Empty when it works, else one clause without a final stop, for a person.
  std::string reason;

  bool usable() const noexcept { return reason.empty(); }
};

// Any thread; takes about as long as making a loop.
UringProbe probe_uring() noexcept;

// What is known of the system when a step of the trial fails; apart, so that every reason can be tested anywhere.
struct UringFacts {
  enum class Step : unsigned char { ring, buffers, receive };
  Step step = Step::ring;
  int error = 0;
  // kernel.io_uring_disabled: 0, 1 or 2; -1 where the kernel has no such setting (before 6.6).
  int disabled = -1;
  // RLIMIT_MEMLOCK in bytes.
  unsigned long long locked_memory = 0;
  std::string_view release;
};
std::string explain(const UringFacts& facts);

}  // namespace hyperion::net
