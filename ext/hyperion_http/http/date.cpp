#include "http/date.hpp"

#include <time.h>

#include <cstdio>

namespace hyperion::http {

std::string_view DateCache::at(int64_t epoch_seconds) noexcept {
  if (epoch_seconds != second_) {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto seconds = static_cast<time_t>(epoch_seconds);
    tm utc{};
    ::gmtime_r(&seconds, &utc);
    // Room for any int, so that the compiler can see it suffices; the year has four digits until 9999.
    char text[80];
    std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday], utc.tm_mday,
                  kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    for (int i = 0; i < kSize; ++i) text_[i] = text[i];
    second_ = epoch_seconds;
  }
  return {text_, kSize};
}

}  // namespace hyperion::http
