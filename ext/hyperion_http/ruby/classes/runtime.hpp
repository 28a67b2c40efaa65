// Hyperion::Runtime's native half: whether there are hooks at all, where threads without Ruby's lock can see it.
#pragma once

#include <ruby.h>

#include <atomic>
#include <memory>

#include "ruby/gvl.hpp"

namespace hyperion::ruby {

void define_runtime(VALUE hyperion);

// True while the Runtime has hooks. Raises TypeError for anything else.
std::shared_ptr<const std::atomic<bool>> hooks_wanted_of(const Gvl& gvl, VALUE runtime);

}  // namespace hyperion::ruby
