// Work without the lock gets a NoGvl, not a Gvl.
// expect: (no type named|invoke_result|static assertion)
#include "ruby/gvl.hpp"
void wrong(const hyperion::ruby::Gvl& gvl) {
  auto work = [](const hyperion::ruby::Gvl&) noexcept { return 1; };
  auto unblock = []() noexcept {};
  (void)hyperion::ruby::Boundary::without_gvl(gvl, work, unblock);
}
