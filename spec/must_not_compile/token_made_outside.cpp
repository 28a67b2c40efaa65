// Only Boundary says that this thread holds the lock.
// expect: private
#include "ruby/gvl.hpp"
void wrong() { const hyperion::ruby::Gvl gvl; }
