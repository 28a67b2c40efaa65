// A copy could outlive the truth that it stands for.
// expect: deleted
#include "ruby/gvl.hpp"
void wrong(const hyperion::ruby::Gvl& gvl) { const hyperion::ruby::Gvl copy = gvl; }
