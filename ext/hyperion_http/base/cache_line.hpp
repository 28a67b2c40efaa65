// What two processors pass to and fro: as many bytes at once.
#pragma once

#include <cstddef>

namespace hyperion::base {

// Of x86-64 and of almost every ARM core. Not std::hardware_destructive_interference_size, which may differ between two
// files that are compiled with different options.
inline constexpr size_t kCacheLine = 64;

}  // namespace hyperion::base
