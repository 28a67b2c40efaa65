// The headers of the C++ library that most sources include: builds compile them once and give them to every source. No
// source relies on that: each includes what it uses, and clang-tidy reads them without this file. Nobody includes it,
// so it has no guard: GCC warns of one in what it compiles by itself.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
