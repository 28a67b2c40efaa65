// The Date field's value (RFC 9110 section 5.6.7, IMF-fixdate), made once a second.
#pragma once

#include <cstdint>
#include <string_view>

namespace hyperion::http {

// Not thread-safe: one per I/O thread.
class DateCache {
 public:
  static constexpr int kSize = 29;  // "Sun, 06 Nov 1994 08:49:37 GMT"

  // Valid until the next call.
  std::string_view at(int64_t epoch_seconds) noexcept;

 private:
  int64_t second_ = -1;
  char text_[kSize + 1] = {};
};

}  // namespace hyperion::http
