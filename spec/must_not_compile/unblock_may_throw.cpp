// Unblock functions run on any thread, under the interpreter's locks.
// expect: unblock functions must be noexcept
#include "ruby/gvl.hpp"
void wrong(const hyperion::ruby::Gvl& gvl) {
  auto work = [](const hyperion::ruby::NoGvl&) noexcept { return 1; };
  auto unblock = [] {};
  (void)hyperion::ruby::Boundary::without_gvl(gvl, work, unblock);
}
