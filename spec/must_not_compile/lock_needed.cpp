// What needs the lock cannot be called where there is none.
// expect: (invalid initialization of reference|cannot convert|no known conversion|no matching function)
#include "ruby/convert.hpp"
uint64_t wrong(const hyperion::ruby::NoGvl& no_gvl, VALUE value) { return hyperion::ruby::to_u64(no_gvl, value); }
