// X-Request-Start: when the proxy in front received the request. nginx, Apache, Heroku and others write it in their own
// units; which one is meant shows in its magnitude.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace hyperion::observe {

// Microseconds since the epoch. "t=1700000000.123" or "1700000000.123": seconds; integers with more digits are
// milli-, micro- or nanoseconds. Nothing for anything else.
std::optional<int64_t> parse_request_start(std::string_view value) noexcept;

// How long ago that was, at a moment of wall time. Clocks of two machines do not agree to the millisecond: a little in
// the future is now. Nothing when the field is nonsense, or says more than kLongestQueue.
inline constexpr auto kLongestQueue = std::chrono::minutes{10};
inline constexpr auto kClockSkew = std::chrono::seconds{1};
std::optional<base::Duration> queued_since(std::string_view value, int64_t wall_micros) noexcept;

}  // namespace hyperion::observe
