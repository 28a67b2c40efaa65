// The rules kept: this one compiles, so the others fail for their own reasons.
#include "base/result.hpp"
#include "ruby/entry.hpp"

namespace hyperion::ruby {
VALUE rules_kept(const Gvl& gvl, VALUE self, std::span<const VALUE> arguments) {
  expect_arguments(arguments, 0, 0);
  int number = 1;
  checked(gvl, [&number, self] { number = RTEST(self) ? 2 : 3; });
  auto work = [&](const NoGvl&) noexcept { return number; };
  auto unblock = []() noexcept {};
  const auto value = Boundary::without_gvl(gvl, work, unblock);
  if (!protect(gvl, [] { rb_thread_check_ints(); }).ok()) (void)take_exception(gvl);
  return INT2FIX(value.value_or(0));
}
VALUE (*const registered)(int, VALUE*, VALUE) = entry<rules_kept>;
}  // namespace hyperion::ruby
