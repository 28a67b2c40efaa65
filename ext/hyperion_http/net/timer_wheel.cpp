#include "net/timer_wheel.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"

namespace hyperion::net {

void Timer::cancel() noexcept {
  if (wheel_ != nullptr) wheel_->unlink(*this);
}

TimerWheel::TimerWheel(base::Instant start) noexcept : start_(start) {}

TimerWheel::~TimerWheel() {
  for (Timer*& list : lists_) {
    while (list != nullptr) unlink(*list);
  }
}

uint64_t TimerWheel::tick_of(base::Instant at) const noexcept {
  return at <= start_ ? 0 : static_cast<uint64_t>((at - start_).count()) >> kTickBits;
}

// Rounded up, so that a timer never fires early.
uint64_t TimerWheel::due_tick(base::Instant deadline) const noexcept {
  return std::max(tick_of(deadline) + 1, current_ + 1);
}

void TimerWheel::arm(Timer& timer, base::Instant deadline) noexcept {
  HYPERION_ASSERT(timer.wheel_ == nullptr || timer.wheel_ == this);
  timer.cancel();
  timer.deadline_ = deadline;
  timer.wheel_ = this;
  ++count_;
  insert(timer);
}

void TimerWheel::insert(Timer& timer) noexcept {
  uint64_t due = due_tick(timer.deadline_);
  const uint64_t distance = due - current_;
  for (unsigned level = 0; level < kLevels; ++level) {
    const unsigned shift = level * kSlotBits;
    if (distance < (uint64_t{kSlots} << shift)) {
      link(timer, level * kSlots + ((due >> shift) & (kSlots - 1)));
      return;
    }
  }
  // Farther than the wheel reaches: the farthest slot, from which it is placed anew when its time comes.
  due = current_ + (uint64_t{kSlots - 1} << ((kLevels - 1) * kSlotBits));
  link(timer, (kLevels - 1) * kSlots + ((due >> ((kLevels - 1) * kSlotBits)) & (kSlots - 1)));
}

void TimerWheel::link(Timer& timer, unsigned slot) noexcept {
  timer.slot_ = static_cast<uint16_t>(slot);
  timer.previous_ = nullptr;
  timer.next_ = lists_[slot];
  if (timer.next_ != nullptr) timer.next_->previous_ = &timer;
  lists_[slot] = &timer;
  if (slot < kDue) occupied_[slot / kSlots] |= uint64_t{1} << (slot % kSlots);
}

void TimerWheel::unlink(Timer& timer) noexcept {
  if (timer.previous_ != nullptr) {
    timer.previous_->next_ = timer.next_;
  } else {
    lists_[timer.slot_] = timer.next_;
    if (timer.next_ == nullptr && timer.slot_ < kDue) {
      occupied_[timer.slot_ / kSlots] &= ~(uint64_t{1} << (timer.slot_ % kSlots));
    }
  }
  if (timer.next_ != nullptr) timer.next_->previous_ = timer.previous_;
  timer.wheel_ = nullptr;
  timer.previous_ = timer.next_ = nullptr;
  --count_;
}

// Moves on to the next tick at which something may happen, `target` at the latest.
void TimerWheel::step(uint64_t target) noexcept {
  const unsigned position = current_ & (kSlots - 1);
  const uint64_t ahead = position + 1 < kSlots ? occupied_[0] >> (position + 1) : 0;
  uint64_t next = (current_ | (kSlots - 1)) + 1;  // where level 0 wraps and the others cascade
  if (ahead != 0) next = current_ + 1 + static_cast<unsigned>(std::countr_zero(ahead));
  current_ = std::min(next, target);
  for (unsigned level = 1; level < kLevels && (current_ & ((uint64_t{1} << (level * kSlotBits)) - 1)) == 0; ++level) {
    cascade(level);
  }
  Timer*& list = lists_[current_ & (kSlots - 1)];
  while (list != nullptr) {
    Timer& timer = *list;
    unlink(timer);
    timer.wheel_ = this;
    ++count_;
    if (tick_of(timer.deadline_) < current_) {
      link(timer, kDue);
    } else {
      insert(timer);
    }
  }
}

// Spreads the slot of `level` that begins now over the levels below.
void TimerWheel::cascade(unsigned level) noexcept {
  Timer*& list = lists_[level * kSlots + ((current_ >> (level * kSlotBits)) & (kSlots - 1))];
  Timer* pending = nullptr;
  while (list != nullptr) {
    Timer& timer = *list;
    unlink(timer);
    timer.next_ = pending;
    pending = &timer;
  }
  while (pending != nullptr) {
    Timer& timer = *pending;
    pending = timer.next_;
    timer.wheel_ = this;
    ++count_;
    if (tick_of(timer.deadline_) < current_) {
      link(timer, kDue);
    } else {
      insert(timer);
    }
  }
}

Timer* TimerWheel::take_due() noexcept {
  Timer* timer = lists_[kDue];
  if (timer != nullptr) unlink(*timer);
  return timer;
}

base::Instant TimerWheel::next_deadline() const noexcept {
  if (count_ == 0) return base::Instant::max();
  if (lists_[kDue] != nullptr) return start_;
  uint64_t best = UINT64_MAX;
  for (unsigned level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const unsigned shift = level * kSlotBits;
    const uint64_t here = current_ >> shift;
    const auto rotated = std::rotr(occupied_[level], static_cast<int>((here + 1) & (kSlots - 1)));
    const uint64_t slot = here + 1 + static_cast<unsigned>(std::countr_zero(rotated));
    best = std::min(best, slot << shift);
  }
  return start_ + base::Duration{static_cast<int64_t>(best << kTickBits)};
}

}  // namespace hyperion::net
