// Fields that Ruby code adds to log lines: a Hash, packed for the log thread while the lock is held.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ruby/gvl.hpp"

namespace hyperion::ruby::rack {

// Appends the entries of `hash` to `out`. Strings, Symbols, numbers, true, false and nil stay what they are, anything
// else is its to_s. Inside a protected region: may raise, and may run the application's code.
void pack_fields(const Gvl& gvl, VALUE hash, std::span<const std::string_view> reserved, std::string& out);

}  // namespace hyperion::ruby::rack
