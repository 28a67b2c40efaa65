// Gives the memory of a recycled object back.
#pragma once

#include <string>

namespace hyperion::base {

// Assigning an empty string is not enough: libstdc++ keeps the buffer of the one that is assigned to.
inline void release(std::string& text) noexcept { std::string{}.swap(text); }

}  // namespace hyperion::base
