// The one queue between the I/O threads and the app threads, and the rules that keep the interpreter's lock with
// whoever has work. Knows no Ruby: "the lock" below is whatever lock the takers hold (the GVL; a mutex in the tests).
//
//   1. An exchange is taken only while holding the lock, one at a time, straight on while there is work.
//   2. At most one thread stands by: woken, empty-handed. While work remains and threads are idle there is one. It asks
//      for the lock at once, and so takes over the instant the running one blocks. When threads are seen to fight for
//      the lock inside their requests (look_for_crowd), their number goes down, and for as long as patience lasts it
//      asks only when the others are blocked, as their processor time tells: docs/decisions/0013.
//   3. The taker is told when to yield between exchanges (should_yield): often. But who takes the lock for long by
//   that,
//      because it computes, has had its share: the exchanges then get as much time in a row (share_left), and while the
//      queue is empty for a moment the lock is kept, for who computes would not give it back before its time slice
//      ends.
//
//   Seat:  running --park--> parked --call--> called (stands by) --next--> running
//
// Who calls a parked thread: an I/O thread at the end of its turn, when nobody runs or nobody gets on; and, while all
// I/O threads sleep, the thread that has just ceased to stand by.
#pragma once

#include <time.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.hpp"
#include "server/dispatcher.hpp"
#include "server/patience.hpp"

namespace hyperion::server {

class AppQueue final : public Dispatcher {
 public:
  // One app thread's place.
  class Seat {
   public:
    enum class Wake : uint8_t { called, interrupted, idle };

    // Without the lock: until the thread is called, interrupted, or has been idle so long.
    Wake wait(base::Duration patience) noexcept;
    // Any thread; sticky: the current or the next wait ends.
    void interrupt() noexcept;
    // What its thread is called by those who gave it the seat.
    unsigned number() const noexcept { return number_; }
    // With the lock: its thread has been given up, and should leave.
    bool abandoned() const noexcept { return abandoned_; }
    // With the lock: its thread has been killed in the request that it is in, and should leave even if it comes back.
    void doom() noexcept { doomed_ = true; }
    bool doomed() const noexcept { return doomed_; }
    // Its thread, after AppQueue::wait was ended by a call: since when it waits for the lock.
    base::Instant asked_at() const noexcept { return asked_at_; }

   private:
    friend class AppQueue;
    enum class State : uint8_t { running, parked, called };

    void call() noexcept;
    // Of its thread; zero when that cannot be known.
    base::Duration processor_time() const noexcept;

    static constexpr clockid_t kNoClock = 1'000'000;
    State state_ = State::running;  // guarded by AppQueue::mutex_, like the next two
    clockid_t clock_ = kNoClock;
    base::Duration watched_{};            // its processor time when whoever stands by last looked
    base::Instant asked_at_{};            // its thread's, like the next
    bool supposes_ = false;               // it asked for the lock because the others seemed to be blocked
    bool away_ = false;                   // it parked and has not been back; guarded by the lock, like the next five
    http::Exchange* exchange_ = nullptr;  // inside this request
    uint64_t turns_ = 0;                  // exchanges that it has taken
    bool abandoned_ = false;
    bool doomed_ = false;
    unsigned number_ = 0;
    std::mutex mutex_;  // guards the rest
    std::condition_variable rung_;
    bool called_ = false;
    bool interrupted_ = false;
  };

  // `call`: work waits and no thread is idle; on an I/O thread or a taker's: often, under load. `alert`: there is
  // something for take_overdue; on an I/O thread.
  struct Recruiter {
    void (*call)(void* object) noexcept;
    void (*alert)(void* object) noexcept;
    void* object;
  };

  // A request that takes too long.
  struct Overdue {
    const http::Exchange* exchange;
    uint64_t serial;
    bool hard;
  };

  // `most`: threads that there may be at once.
  AppQueue(unsigned io_threads, int most, Recruiter recruiter) noexcept
      : recruiter_(recruiter), most_(most), io_awake_(static_cast<int>(io_threads)) {}

  // --- I/O threads ---

  void dispatch(ExchangeChain&& exchanges) noexcept override;
  void overdue(const http::Exchange& exchange, bool hard) noexcept override;
  int64_t pending() const noexcept override {
    return static_cast<int64_t>(depth_.load(std::memory_order_relaxed)) - (most_ - in_requests());
  }
  void turn_ended(bool sleeping) noexcept override;
  void awake() noexcept override { io_awake_.fetch_add(1); }

  // --- App threads, holding the lock ---

  // A place for the calling thread, until it leaves. The queue owns the seats and uses them again: whoever rings a seat
  // late finds it alive.
  Seat& enter(unsigned number = 0);
  void leave(Seat& seat) noexcept;
  // The next exchange; null when there is none.
  http::Exchange* next(Seat& seat) noexcept;
  // The exchange that the seat took last is over.
  void done(Seat& seat) noexcept;
  // What the I/O threads have found; and where such a request is now: null when its thread is done with it.
  std::vector<Overdue> take_overdue() noexcept;
  Seat* seat_of(const Overdue& overdue) noexcept;
  // The thread of this number does not come back from the request of this serial, and counts for nothing until it
  // leaves. False when it is not inside that request.
  bool abandon(unsigned number, uint64_t serial) noexcept;
  // Before `wait`. False: there is work, or the queue is closed; do not wait.
  bool park(Seat& seat) noexcept;
  // Without the lock, after park or step_back: until there is something to do for which this thread is needed.
  Seat::Wake wait(Seat& seat, base::Duration patience) noexcept;
  // After park, before `wait`, and short: the lock is kept meanwhile. True: there is work.
  bool wait_with_lock(Seat& seat, base::Duration patience) noexcept;
  // Rule 3, between exchanges: the last pause was a millisecond ago, or a quarter of that while others are in the
  // middle of a request; and no share is left.
  bool should_yield(base::Instant now) const noexcept;
  // Around the yield; meanwhile this thread stands by as well.
  void begin_yield() noexcept { yielding_.fetch_add(1); }
  void end_yield(base::Instant began, base::Instant now) noexcept;
  // The lock has just been waited for since `asked`: others have had their turn.
  void had_pause(base::Instant asked, base::Instant now) noexcept;
  // Now and then, as an exchange begins, and before `done`: whether threads inside requests fight for the lock.
  void began(base::Instant now) noexcept;
  bool sampling() const noexcept { return !sample_.empty(); }
  base::Instant sampled_at() const noexcept { return sampled_at_; }
  void look_for_crowd(base::Instant now) noexcept;
  // After `done`: so they did, and one less should have it.
  bool crowded() const noexcept { return too_many_ > 0 && in_requests() > 0; }
  // After `wait`: it asked for the lock because the others seemed to be blocked, and they were not. Not where the
  // others have not ended anything for long: then it has waited long enough.
  bool misled(const Seat& seat, base::Instant now) const noexcept;
  // Between exchanges, before `wait`: leaves the work to the others. False: there is none, or the queue is closed.
  bool step_back(Seat& seat) noexcept;
  // After an exchange: what was waited for before this was not taken from the exchanges.
  void served(base::Instant now) noexcept {
    last_service_ = now;
    if (patience_.due(now)) look_at_patience(now);
  }
  // For how long the exchanges may have the lock because others had it for as long.
  base::Duration share_left(base::Instant now) const noexcept {
    return keep_until_ > now ? keep_until_ - now : base::Duration::zero();
  }
  // The same, asked by somebody without a seat.
  bool exhausted() const noexcept { return parked_count_.load() == 0 && in_requests() >= seats_.load(); }
  // No thread is idle, and every one but the asking one is inside a request. If those turn out to be blocked outside
  // the lock, one more thread would help.
  bool short_of_threads() const noexcept { return parked_count_.load() == 0 && in_requests() >= seats_.load() - 1; }

  // --- Anyone ---

  // Who stands by waits for evidence that the lock is free.
  bool patient() const noexcept { return patience_.wanted(); }
  // Threads that are parked.
  int idle() const noexcept { return parked_count_.load(); }
  int seats() const noexcept { return seats_.load(); }
  // Threads that were given up and are there still.
  int abandoned() const noexcept { return abandoned_.load(); }
  // Threads inside a request.
  int in_requests() const noexcept { return in_requests_.load(std::memory_order_relaxed); }
  // No further exchange is expected: idle threads wake, next() goes on until the queue is empty.
  void close() noexcept;
  bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
  // Exchanges that wait for an app thread.
  uint64_t depth() const noexcept { return depth_.load(std::memory_order_relaxed); }

 private:
  // What the threads inside requests have been doing since the last look.
  enum class Seen : uint8_t { nobody, blocked, running };

  // What a thread inside a request had used when somebody looked.
  struct Sample {
    const Seat* seat;
    uint64_t turn;
    base::Duration used;
  };

  void look_at_patience(base::Instant now) noexcept;
  // Wake::called: the lock is to be asked for. Wake::idle: there is no more work, and the seat is parked.
  Seat::Wake stand_by(Seat& seat) noexcept;
  Seen watch(base::Duration passed, bool progress) noexcept;
  // The work is done: the seat is parked. False: there is some, or the queue is closed.
  bool lie_down(Seat& seat) noexcept;
  bool stands_by(const Seat& seat) noexcept;
  // With mutex_.
  void park_here(Seat& seat) noexcept;
  bool somebody_stands_by() const noexcept { return standing_by_.load() || yielding_.load() > 0; }
  void sit_up(Seat& seat) noexcept;
  // With mutex_: takes the seat to call out of the parked ones, or null.
  Seat* choose() noexcept;
  // With mutex_: the same, of the one who waits with the lock.
  Seat* choose_holder() noexcept;
  // With the lock: calls somebody, or the recruiter, when work remains and no I/O thread is awake to do so.
  void ensure_standby() noexcept;

  const Recruiter recruiter_;
  const int most_;
  std::mutex mutex_;  // guards the next seven, and changes of standing_by_ and Seat::state_
  std::vector<std::unique_ptr<Seat>> all_seats_;
  std::vector<Seat*> free_seats_;
  ExchangeChain arrived_;
  std::vector<Overdue> overdue_;
  std::vector<Seat*> parked_;  // last in, first out: warm caches, and the others may retire
  Seat* holder_ = nullptr;     // waits with the lock: called before anybody, for nobody else can run
  uint64_t taken_at_last_turn_ = 0;

  ExchangeChain ready_;              // guarded by the lock, like the next nine
  std::atomic<int> in_requests_{0};  // atomic for those who only read it
  base::Instant last_pause_{};
  std::vector<Sample> sample_;
  int too_many_ = 0;
  base::Instant sampled_at_{};
  base::Instant began_at_{};  // the last exchange
  Patience patience_;
  base::Instant last_service_{};
  base::Instant keep_until_{};

  std::atomic<uint64_t> depth_{0};
  std::atomic<uint64_t> taken_{0};
  std::atomic<bool> standing_by_{false};
  std::atomic<int> parked_count_{0};
  std::atomic<int> yielding_{0};
  std::atomic<int> seats_{0};
  std::atomic<int> abandoned_{0};
  std::atomic<int> io_awake_;
  std::atomic<bool> closed_{false};
};

}  // namespace hyperion::server
