#include "ruby/convert.hpp"

#include <cmath>

namespace hyperion::ruby {

uint64_t to_u64(const Gvl& gvl, VALUE value) {
  uint64_t number = 0;
  checked(gvl, [&number, value] {
    if (RTEST(rb_funcall(value, rb_intern("negative?"), 0))) rb_raise(rb_eRangeError, "negative number");
    number = NUM2ULL(value);
  });
  return number;
}

int64_t to_i64(const Gvl& gvl, VALUE value) {
  int64_t number = 0;
  checked(gvl, [&number, value] { number = NUM2LL(value); });
  return number;
}

double to_double(const Gvl& gvl, VALUE value) {
  double number = 0;
  checked(gvl, [&number, value] { number = NUM2DBL(value); });
  return number;
}

std::string to_text(const Gvl& gvl, VALUE value) {
  checked(gvl, [value] { Check_Type(value, T_STRING); });
  return std::string{bytes_of(value)};
}

base::Duration to_duration(const Gvl& gvl, VALUE seconds) {
  const double number = to_double(gvl, seconds);
  if (!(number >= 0) || std::isinf(number)) throw Raise{rb_eArgError, "a duration must be 0 or more seconds"};
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>{number});
}

}  // namespace hyperion::ruby
