#include "observe/request_start.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/number.hpp"

namespace hyperion::observe {
namespace {

constexpr int64_t kMicros = 1'000'000;
// Seconds of the years 2001 to 2286 have ten digits.
constexpr size_t kSecondDigits = 10;

// The first six digits behind the point, as microseconds.
std::optional<int64_t> micros_of(std::string_view fraction) noexcept {
  int64_t micros = 0;
  int64_t unit = kMicros / 10;
  for (const char c : fraction) {
    if (!base::is_digit(c)) return std::nullopt;
    micros += (c - '0') * unit;
    unit /= 10;
  }
  return micros;
}

}  // namespace

std::optional<int64_t> parse_request_start(std::string_view value) noexcept {
  value = base::trim_ows(value);
  if (value.starts_with("t=")) value.remove_prefix(2);
  const size_t point = std::min(value.find('.'), value.size());
  const std::string_view whole = value.substr(0, point);
  const auto number = base::parse_decimal(whole);
  if (!number) return std::nullopt;
  const auto amount = static_cast<int64_t>(*number);
  std::optional<int64_t> rest = 0;
  if (point < value.size()) {
    rest = micros_of(value.substr(point + 1));
    if (!rest || point + 1 == value.size()) return std::nullopt;
  }
  switch (whole.size()) {
    case kSecondDigits: return amount * kMicros + *rest;
    case kSecondDigits + 3: return amount * 1000 + *rest / 1000;
    case kSecondDigits + 6: return amount;
    case kSecondDigits + 9: return amount / 1000;
    default: return std::nullopt;
  }
}

std::optional<base::Duration> queued_since(std::string_view value, int64_t wall_micros) noexcept {
  const auto start = parse_request_start(value);
  if (!start) return std::nullopt;
  const std::chrono::microseconds age{wall_micros - *start};
  if (age < -kClockSkew || age > kLongestQueue) return std::nullopt;
  return std::max<base::Duration>(age, base::Duration::zero());
}

}  // namespace hyperion::observe
