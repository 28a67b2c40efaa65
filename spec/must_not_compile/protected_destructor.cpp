// A Ruby jump out of the region would skip the String's destructor.
// expect: a Ruby jump skips destructors
#include <string>

#include "ruby/protect.hpp"
void wrong(const hyperion::ruby::Gvl& gvl) {
  std::string text = "x";
  (void)hyperion::ruby::protect(gvl, [text] { rb_raise(rb_eRuntimeError, "%s", text.c_str()); });
}
