#include "server/app_queue.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace hyperion::server {
namespace {

// The longest that other Ruby threads wait for the lock while requests keep coming.
constexpr auto kLongestService = std::chrono::milliseconds{1};
// The same, while one of them may be in the middle of a request. A yield has its price: whoever stands by waits for the
// lock all the time, so it is a change of threads.
constexpr auto kShortService = std::chrono::microseconds{250};
// The most that exchanges get in a row because others had as much. Less than the interpreter's own time slice of 100
// ms: that would take the lock away in the middle of a request, and the yield behind it would give it away again.
constexpr auto kLongestShare = std::chrono::milliseconds{80};
// How often who stands by looks what the others do; less processor time than kLeastRun in between: they are blocked.
constexpr auto kWatch = std::chrono::microseconds{50};
constexpr int kMostWatched = 8;
// Who has waited longer for the lock than that has not found it free.
constexpr auto kAtOnce = std::chrono::microseconds{50};
constexpr auto kLeastRun = std::chrono::microseconds{5};
// No exchange was taken for so long: then the lock is asked for anyhow. A request that only computes gives it away when
// its time slice ends, as it would to any thread.
constexpr auto kLongestWatch = std::chrono::milliseconds{10};
// How long it is looked at least whether threads inside requests fight for the lock.
constexpr auto kSample = std::chrono::microseconds{500};

}  // namespace

// --- Seat ---

AppQueue::Seat::Wake AppQueue::Seat::wait(base::Duration patience) noexcept {
  std::unique_lock lock{mutex_};
  const auto woken = [&] { return called_ || interrupted_; };
  if (patience == base::Duration::max()) {
    rung_.wait(lock, woken);
  } else if (!rung_.wait_for(lock, patience, woken)) {
    return Wake::idle;
  }
  const Wake wake = interrupted_ ? Wake::interrupted : Wake::called;
  called_ = interrupted_ = false;
  return wake;
}

// Whoever is woken often takes this thread's core at once, and would go back to sleep for the mutex.
void AppQueue::Seat::interrupt() noexcept {
  {
    const std::lock_guard lock{mutex_};
    interrupted_ = true;
  }
  rung_.notify_one();
}

void AppQueue::Seat::call() noexcept {
  {
    const std::lock_guard lock{mutex_};
    called_ = true;
  }
  rung_.notify_one();
}

base::Duration AppQueue::Seat::processor_time() const noexcept {
  timespec used{};
  if (clock_ == kNoClock || ::clock_gettime(clock_, &used) != 0) return {};
  return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

// --- I/O threads ---

void AppQueue::dispatch(ExchangeChain&& exchanges) noexcept {
  const uint64_t count = exchanges.size();
  const std::lock_guard lock{mutex_};
  arrived_.push(std::move(exchanges));
  depth_.fetch_add(count);
}

AppQueue::Seat* AppQueue::choose() noexcept {
  if (parked_.empty()) return nullptr;
  Seat* seat = parked_.back();
  parked_.pop_back();
  parked_count_.store(static_cast<int>(parked_.size()));
  seat->state_ = Seat::State::called;
  standing_by_.store(true);
  return seat;
}

AppQueue::Seat* AppQueue::choose_holder() noexcept {
  Seat* seat = std::exchange(holder_, nullptr);
  if (seat != nullptr) sit_up(*seat);
  return seat;
}

void AppQueue::turn_ended(bool sleeping) noexcept {
  // Before the look at the queue: a thread that stops standing by after it finds nobody awake and looks itself.
  if (sleeping) io_awake_.fetch_sub(1);
  if (depth_.load() == 0) return;
  Seat* seat = nullptr;
  bool nobody_idle = false;
  {
    const std::lock_guard lock{mutex_};
    const uint64_t taken = taken_.load(std::memory_order_relaxed);
    const bool stuck = taken == std::exchange(taken_at_last_turn_, taken);
    seat = choose_holder();
    const bool nobody_runs = parked_.size() >= static_cast<size_t>(seats_.load());
    // Whoever runs goes straight on to the next exchange, so a second thread would only fight for the lock. One is
    // called when nothing was taken for a whole turn, or when nobody will look again.
    if (seat == nullptr && !somebody_stands_by() && (nobody_runs || sleeping || stuck)) {
      seat = choose();
      nobody_idle = seat == nullptr;
    }
  }
  if (seat != nullptr) {
    seat->call();
  } else if (nobody_idle) {
    recruiter_.call(recruiter_.object);
  }
}

// --- App threads ---

void AppQueue::overdue(const http::Exchange& exchange, bool hard) noexcept {
  {
    const std::lock_guard lock{mutex_};
    overdue_.push_back({.exchange = &exchange, .serial = exchange.serial, .hard = hard});
  }
  recruiter_.alert(recruiter_.object);
}

AppQueue::Seat& AppQueue::enter(unsigned number) {
  const std::lock_guard lock{mutex_};
  if (free_seats_.empty()) {
    all_seats_.push_back(std::make_unique<Seat>());
    free_seats_.reserve(all_seats_.size());
    free_seats_.push_back(all_seats_.back().get());
  }
  Seat& seat = *free_seats_.back();
  free_seats_.pop_back();
  seat.number_ = number;
  sample_.reserve(kMostWatched);
  if (::pthread_getcpuclockid(::pthread_self(), &seat.clock_) != 0) seat.clock_ = Seat::kNoClock;
  seats_.fetch_add(1);
  return seat;
}

void AppQueue::leave(Seat& seat) noexcept {
  done(seat);
  seat.away_ = seat.doomed_ = false;
  {
    const std::lock_guard lock{mutex_};
    sit_up(seat);
    seat.clock_ = Seat::kNoClock;
    free_seats_.push_back(&seat);
    (std::exchange(seat.abandoned_, false) ? abandoned_ : seats_).fetch_sub(1);
  }
  // A thread that ends must not take the only promise to look at the queue with it.
  ensure_standby();
}

// With mutex_: the seat neither waits nor stands by any more.
void AppQueue::sit_up(Seat& seat) noexcept {
  if (seat.state_ == Seat::State::called) standing_by_.store(false);
  if (seat.state_ == Seat::State::parked) {
    parked_.erase(std::find(parked_.begin(), parked_.end(), &seat));
    parked_count_.store(static_cast<int>(parked_.size()));
  }
  seat.state_ = Seat::State::running;
}

void AppQueue::done(Seat& seat) noexcept {
  if (std::exchange(seat.exchange_, nullptr) == nullptr || seat.abandoned_) return;
  in_requests_.store(in_requests() - 1, std::memory_order_relaxed);
}

http::Exchange* AppQueue::next(Seat& seat) noexcept {
  HYPERION_ASSERT(seat.exchange_ == nullptr && !seat.abandoned_ && !seat.doomed_);
  const bool back = std::exchange(seat.away_, false);
  if (back || ready_.empty()) {
    const std::lock_guard lock{mutex_};
    sit_up(seat);
    ready_.push(std::exchange(arrived_, ExchangeChain{}));
  }
  http::Exchange* exchange = ready_.pop();
  if (exchange == nullptr) return nullptr;
  depth_.fetch_sub(1);
  taken_.store(taken_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  seat.exchange_ = exchange;
  ++seat.turns_;
  in_requests_.store(in_requests() + 1, std::memory_order_relaxed);
  if (back) ensure_standby();
  return exchange;
}

std::vector<AppQueue::Overdue> AppQueue::take_overdue() noexcept {
  const std::lock_guard lock{mutex_};
  return std::exchange(overdue_, {});
}

AppQueue::Seat* AppQueue::seat_of(const Overdue& overdue) noexcept {
  const std::lock_guard lock{mutex_};
  // While a seat holds the exchange nobody changes its serial.
  const auto found = std::find_if(all_seats_.begin(), all_seats_.end(), [&](const auto& seat) {
    return seat->exchange_ == overdue.exchange && overdue.exchange->serial == overdue.serial;
  });
  return found == all_seats_.end() ? nullptr : found->get();
}

bool AppQueue::abandon(unsigned number, uint64_t serial) noexcept {
  const std::lock_guard lock{mutex_};
  for (const auto& seat : all_seats_) {
    if (seat->exchange_ == nullptr || seat->number_ != number || seat->exchange_->serial != serial) continue;
    if (std::exchange(seat->abandoned_, true)) return false;
    in_requests_.store(in_requests() - 1, std::memory_order_relaxed);
    seats_.fetch_sub(1);
    abandoned_.fetch_add(1);
    return true;
  }
  return false;
}

void AppQueue::ensure_standby() noexcept {
  if (depth_.load() == 0 || somebody_stands_by() || io_awake_.load() > 0) return;
  if (parked_count_.load() == 0) return recruiter_.call(recruiter_.object);
  Seat* seat = nullptr;
  {
    const std::lock_guard lock{mutex_};
    if (!somebody_stands_by()) seat = choose();
  }
  if (seat != nullptr) seat->call();
}

bool AppQueue::park(Seat& seat) noexcept {
  const std::lock_guard lock{mutex_};
  if (depth_.load() > 0 || closed_.load()) return false;
  seat.away_ = true;
  patience_.pause();
  park_here(seat);
  return true;
}

void AppQueue::park_here(Seat& seat) noexcept {
  seat.state_ = Seat::State::parked;
  parked_.push_back(&seat);
  parked_count_.store(static_cast<int>(parked_.size()));
}

bool AppQueue::step_back(Seat& seat) noexcept {
  too_many_ = std::max(too_many_ - 1, 0);
  {
    const std::lock_guard lock{mutex_};
    if (depth_.load() == 0 || closed_.load()) return false;
    sit_up(seat);  // it may have stood by
    seat.away_ = true;
    if (somebody_stands_by()) {
      park_here(seat);
      return true;
    }
    seat.state_ = Seat::State::called;
    standing_by_.store(true);
  }
  seat.call();
  return true;
}

bool AppQueue::lie_down(Seat& seat) noexcept {
  const std::lock_guard lock{mutex_};
  if (depth_.load() > 0 || closed_.load()) return false;
  standing_by_.store(false);
  park_here(seat);
  return true;
}

// --- Standing by ---

AppQueue::Seat::Wake AppQueue::wait(Seat& seat, base::Duration patience) noexcept {
  while (true) {
    Seat::Wake wake = seat.wait(patience);
    // One that was called while it waited with the lock does not stand by.
    if (wake != Seat::Wake::called || !stands_by(seat)) {
      seat.asked_at_ = base::now();
      seat.supposes_ = false;
      return wake;
    }
    wake = stand_by(seat);
    if (wake != Seat::Wake::idle) return wake;
  }
}

bool AppQueue::stands_by(const Seat& seat) noexcept {
  const std::lock_guard lock{mutex_};
  return seat.state_ == Seat::State::called;
}

AppQueue::Seat::Wake AppQueue::stand_by(Seat& seat) noexcept {
  using Wake = Seat::Wake;
  base::Instant looked = base::now();
  base::Instant progress = looked;
  uint64_t taken = taken_.load(std::memory_order_relaxed);
  Wake wake = Wake::idle;
  Seen seen = patience_.wanted() ? watch(base::Duration::max(), false) : Seen::nobody;
  while (seen == Seen::running && !closed()) {
    wake = seat.wait(kWatch);
    if (wake != Wake::idle) break;
    if (depth_.load() == 0 && lie_down(seat)) return Wake::idle;
    const base::Instant now = base::now();
    const uint64_t before = std::exchange(taken, taken_.load(std::memory_order_relaxed));
    if (taken != before) progress = now;
    seen = watch(now - std::exchange(looked, now), taken != before);
    if (!patience_.wanted() || now - progress >= kLongestWatch) seen = Seen::nobody;
  }
  seat.asked_at_ = base::now();
  seat.supposes_ = wake == Wake::idle && seen == Seen::blocked;
  return wake == Wake::interrupted ? wake : Wake::called;
}

AppQueue::Seen AppQueue::watch(base::Duration passed, bool progress) noexcept {
  const std::lock_guard lock{mutex_};
  const int inside = in_requests();
  if (inside == 0 && !progress) return Seen::nobody;
  if (inside > kMostWatched) return Seen::blocked;
  base::Duration ran{};
  for (const auto& seat : all_seats_) {
    if (seat->state_ != Seat::State::running || seat->clock_ == Seat::kNoClock || seat->abandoned_) continue;
    const base::Duration used = seat->processor_time();
    ran += used - std::exchange(seat->watched_, used);
  }
  if (passed == base::Duration::max()) return Seen::running;
  const bool running = inside > 1 ? ran >= passed / 2 : progress || ran >= kLeastRun;
  return running ? Seen::running : Seen::blocked;
}

bool AppQueue::misled(const Seat& seat, base::Instant now) const noexcept {
  const bool in_time = now - began_at_ < kLongestWatch;
  return seat.supposes_ && in_time && now - seat.asked_at_ > kAtOnce && in_requests() > 0;
}

void AppQueue::began(base::Instant now) noexcept {
  began_at_ = now;
  if (in_requests() <= 1 || !sample_.empty() || now - sampled_at_ < kSample) return;
  sampled_at_ = now;
  const std::lock_guard lock{mutex_};
  for (const auto& seat : all_seats_) {
    if (seat->exchange_ == nullptr || seat->abandoned_) continue;
    sample_.push_back({.seat = seat.get(), .turn = seat->turns_, .used = seat->processor_time()});
    if (sample_.size() == kMostWatched) return;
  }
}

void AppQueue::look_for_crowd(base::Instant now) noexcept {
  const base::Duration passed = now - sampled_at_;
  if (passed < kSample) return;
  sampled_at_ = now;
  base::Duration ran{};
  int runners = 0;
  for (const Sample& sample : sample_) {
    // Not by its exchange, which is the I/O thread's again as soon as it is released.
    if (sample.seat->exchange_ == nullptr || sample.seat->turns_ != sample.turn) continue;
    const base::Duration used = sample.seat->processor_time() - sample.used;
    // Less than that has who only wakes up and waits for the lock.
    if (used < passed / 10) continue;
    ran += used;
    ++runners;
  }
  sample_.clear();
  too_many_ = 0;
  if (runners < 2 || ran < passed / 4) return;
  patience_.crowd(now);
  if (patience_.wanted()) too_many_ = runners - 1;
}

void AppQueue::look_at_patience(base::Instant now) noexcept {
  base::Duration used{};
  {
    const std::lock_guard lock{mutex_};
    for (const auto& seat : all_seats_) {
      if (!seat->abandoned_) used += seat->processor_time();
    }
  }
  patience_.look(now, used);
  if (!patience_.wanted()) too_many_ = 0;
}

bool AppQueue::wait_with_lock(Seat& seat, base::Duration patience) noexcept {
  {
    const std::lock_guard lock{mutex_};
    if (depth_.load() > 0) return true;
    if (seat.state_ != Seat::State::parked) return false;
    holder_ = &seat;
  }
  const Seat::Wake wake = seat.wait(patience);
  const std::lock_guard lock{mutex_};
  holder_ = nullptr;
  if (wake == Seat::Wake::interrupted) seat.interrupt();
  return wake == Seat::Wake::called;
}

bool AppQueue::should_yield(base::Instant now) const noexcept {
  return now >= keep_until_ && now - last_pause_ >= (in_requests() > 0 ? kShortService : kLongestService);
}

void AppQueue::end_yield(base::Instant began, base::Instant now) noexcept {
  yielding_.fetch_sub(1);
  had_pause(began, now);
  ensure_standby();
}

void AppQueue::had_pause(base::Instant asked, base::Instant now) noexcept {
  last_pause_ = now;
  const base::Duration others = now - std::max(asked, last_service_);
  keep_until_ = std::max(keep_until_, now + std::min<base::Duration>(others, kLongestShare));
}

void AppQueue::close() noexcept {
  const std::lock_guard lock{mutex_};
  closed_.store(true);
  for (Seat* seat : parked_) seat->interrupt();
}

}  // namespace hyperion::server
