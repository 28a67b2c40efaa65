// An exception cannot pass the interpreter's frames.
// expect: work without the lock must be noexcept
#include "ruby/gvl.hpp"
void wrong(const hyperion::ruby::Gvl& gvl) {
  auto work = [](const hyperion::ruby::NoGvl&) { return 1; };
  auto unblock = []() noexcept {};
  (void)hyperion::ruby::Boundary::without_gvl(gvl, work, unblock);
}
