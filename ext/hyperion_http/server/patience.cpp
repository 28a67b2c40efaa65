#include "server/patience.hpp"

#include <algorithm>
#include <utility>

namespace hyperion::server {
namespace {

// How long it is measured; at first, until the threads inside requests have become fewer.
constexpr auto kWindow = std::chrono::milliseconds{20};
// The part of the time that the lock is busy at least, and how often in a row it may be less.
constexpr int kBusyPercent = 90;
constexpr int kMostIdle = 2;
// Nothing could be measured for so long, because there was not enough to do: then there is nothing to gain.
constexpr auto kLongestPause = std::chrono::seconds{1};
// How long it is out of the question after a trial: longer each time, until one lasts for kLasting.
constexpr base::Duration kLeastDenial = std::chrono::seconds{1};
constexpr base::Duration kMostDenial = std::chrono::seconds{30};
constexpr auto kLasting = std::chrono::seconds{1};

}  // namespace

void Patience::crowd(base::Instant now) noexcept {
  if (wanted() || now < denied_until_) return;
  idle_ = 0;
  since_ = last_ = now;
  due_ = now + kWindow / 4;
  began_ = {};
  wanted_.store(true, std::memory_order_relaxed);
}

void Patience::look(base::Instant now, base::Duration used) noexcept {
  const base::Instant began = std::exchange(began_, now);
  const base::Duration ran = used - std::exchange(used_, used);
  due_ = now + kWindow;
  if (began == base::Instant{}) {
    if (now - last_ >= kLongestPause) wanted_.store(false, std::memory_order_relaxed);
    return;
  }
  last_ = now;
  idle_ = ran * 100 < (now - began) * kBusyPercent ? idle_ + 1 : 0;
  if (idle_ > kMostIdle) {
    denial_ = std::clamp<base::Duration>(denial_ * 2, kLeastDenial, kMostDenial);
    denied_until_ = now + denial_;
    wanted_.store(false, std::memory_order_relaxed);
  } else if (now - since_ >= kLasting) {
    denial_ = {};
  }
}

}  // namespace hyperion::server
