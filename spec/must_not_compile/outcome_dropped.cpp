// An exception that nobody takes stays in $! and turns up elsewhere.
// expect: (nodiscard|ignoring return(ed)? value)
#include "ruby/protect.hpp"
void wrong(const hyperion::ruby::Gvl& gvl) {
  hyperion::ruby::protect(gvl, [] {});
}
