// Hyperion::ProcessEnd: server/process_end for lib/hyperion/launcher.rb.
#pragma once

#include <ruby.h>

namespace hyperion::ruby {

void define_process_end(VALUE hyperion);

}  // namespace hyperion::ruby
