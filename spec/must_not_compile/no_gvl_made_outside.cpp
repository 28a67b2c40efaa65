// Only Boundary says that this thread has given the lock away.
// expect: private
#include "ruby/gvl.hpp"
void wrong() { const hyperion::ruby::NoGvl no_gvl; }
