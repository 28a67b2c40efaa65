// A failure that nobody looks at did not happen.
// expect: (nodiscard|ignoring return(ed)? value)
#include "base/result.hpp"
hyperion::base::Status may_fail();
void wrong() { may_fail(); }
