// Hyperion::Engine: the native server as one Ruby object. Private to the gem; Hyperion::Server is what users see.
#pragma once

#include <ruby.h>

namespace hyperion::ruby {

void define_engine(VALUE hyperion);

}  // namespace hyperion::ruby
