// The queue of the app threads by itself. The lock that its takers hold is a mutex here, or nothing where one thread
// plays all of them.
#include "server/app_queue.hpp"

#include <doctest/doctest.h>
#include <time.h>

#include <atomic>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

#include "support/waiting.hpp"

namespace hyperion::test {
namespace {

using namespace std::chrono_literals;
using server::AppQueue;
using Wake = AppQueue::Seat::Wake;

struct NoMailbox final : http::Mailbox {
  void post(http::Exchange& /*exchange*/) noexcept override {}
};

struct Rig {
  explicit Rig(int io_threads = 1, int most = 2)
      : queue(static_cast<unsigned>(io_threads), most,
              {.call = [](void* self) noexcept { ++static_cast<Rig*>(self)->recruited; },
               .alert = [](void* self) noexcept { ++static_cast<Rig*>(self)->alerted; },
               .object = this}) {}

  // An exchange arrives, and the I/O thread's turn ends.
  void arrive(bool sleeping = true) {
    exchanges.push_back(std::make_unique<http::Exchange>(mailbox));
    server::ExchangeChain chain;
    chain.push(*exchanges.back());
    queue.dispatch(std::move(chain));
    queue.turn_ended(sleeping);
    if (sleeping) queue.awake();
  }

  NoMailbox mailbox;
  std::vector<std::unique_ptr<http::Exchange>> exchanges;
  int recruited = 0;
  int alerted = 0;
  AppQueue queue;
  const base::Instant start = base::now();
};

// A thread inside a request: it computes, or waits, until the test is over.
class Inside {
 public:
  Inside(Rig& rig, bool computes) : rig_(rig), thread_([this, computes] { run(computes); }) {
    REQUIRE(eventually([&] { return there_.load(); }));
  }
  ~Inside() {
    over_ = true;
    thread_.join();
    rig_.queue.leave(*seat_);
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  base::Duration used() const { return base::Duration{used_.load()}; }
  void block() {
    blocks_ = true;
    REQUIRE(eventually([&] { return blocked_.load(); }));
  }

 private:
  void run(bool computes) {
    seat_ = &rig_.queue.enter();
    (void)rig_.queue.next(*seat_);
    there_ = true;
    while (computes && !over_ && !blocks_) {
      timespec now{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      used_ = now.tv_sec * 1'000'000'000 + now.tv_nsec;
    }
    blocked_ = true;
    while (!over_) std::this_thread::sleep_for(1ms);
  }

  Rig& rig_;
  AppQueue::Seat* seat_ = nullptr;
  std::atomic<bool> there_{false};
  std::atomic<bool> over_{false};
  std::atomic<bool> blocks_{false};
  std::atomic<bool> blocked_{false};
  std::atomic<int64_t> used_{0};
  std::thread thread_;
};

// Two threads have been seen to fight for the lock.
void make_patient(Rig& rig, const Inside& first, const Inside& second) {
  rig.queue.began(base::now());
  const base::Duration before[] = {first.used(), second.used()};
  REQUIRE(eventually([&] { return first.used() - before[0] >= 2ms && second.used() - before[1] >= 2ms; }));
  // On a machine that does other things, too, they had less than a part of the time. It is what they used that counts.
  rig.queue.look_for_crowd(rig.queue.sampled_at() + 2ms);
}

}  // namespace

TEST_CASE("app queue: threads that fight for the lock inside their requests become fewer") {
  Rig rig;
  AppQueue::Seat& seat = rig.queue.enter();
  for (int i = 0; i < 3; ++i) rig.arrive();
  Inside first{rig, true};
  SUBCASE("two of them compute") {
    Inside second{rig, true};
    make_patient(rig, first, second);
    CHECK(rig.queue.crowded());
    CHECK(rig.queue.patient());
    REQUIRE(rig.queue.step_back(seat));
    CHECK_FALSE(rig.queue.crowded());
  }
  SUBCASE("one of them waits") {
    Inside second{rig, false};
    rig.queue.began(base::now());
    REQUIRE(rig.queue.sampling());
    const base::Duration before = first.used();
    REQUIRE(eventually([&] { return first.used() - before >= 2ms; }));
    rig.queue.look_for_crowd(rig.queue.sampled_at() + 2ms);
    CHECK_FALSE(rig.queue.crowded());
    CHECK_FALSE(rig.queue.patient());
  }
  rig.queue.leave(seat);
}

// Both seats are this thread's, and so is the time that they have used.
TEST_CASE("app queue: only who is inside the same request all the while fights for the lock") {
  Rig rig;
  AppQueue::Seat& first = rig.queue.enter();
  AppQueue::Seat& second = rig.queue.enter();
  for (int i = 0; i < 3; ++i) rig.arrive();
  REQUIRE(rig.queue.next(first) != nullptr);
  REQUIRE(rig.queue.next(second) != nullptr);
  rig.queue.began(base::now());
  const std::clock_t before = std::clock();
  while (std::clock() - before < CLOCKS_PER_SEC / 500) {
  }
  bool same = true;
  SUBCASE("the same request") {}
  SUBCASE("another one") {
    rig.queue.done(second);
    REQUIRE(rig.queue.next(second) != nullptr);
    same = false;
  }
  SUBCASE("none") {
    rig.queue.done(second);
    same = false;
  }
  rig.queue.look_for_crowd(rig.queue.sampled_at() + 2ms);
  CHECK(rig.queue.patient() == same);
  rig.queue.leave(first);
  rig.queue.leave(second);
}

TEST_CASE("app queue: who stands by asks for the lock when nobody else goes on") {
  Rig rig{2};
  for (int i = 0; i < 2; ++i) rig.arrive();
  auto first = std::make_unique<Inside>(rig, true);
  auto second = std::make_unique<Inside>(rig, true);
  make_patient(rig, *first, *second);
  REQUIRE(rig.queue.patient());
  AppQueue::Seat& seat = rig.queue.enter();
  REQUIRE(rig.queue.park(seat));
  rig.arrive();
  SUBCASE("because the others are blocked") {
    first->block();
    second->block();
    CHECK(rig.queue.wait(seat, base::Duration::max()) == Wake::called);
  }
  SUBCASE("because they are gone") {
    first.reset();
    second.reset();
    CHECK(rig.queue.wait(seat, base::Duration::max()) == Wake::called);
  }
  SUBCASE("because they compute for long") {
    const base::Instant began = base::now();
    CHECK(rig.queue.wait(seat, base::Duration::max()) == Wake::called);
    // Or because the machine did not let them compute.
    const base::Instant asked = seat.asked_at();
    rig.queue.began(asked);
    CHECK((since(began) >= 10ms || rig.queue.misled(seat, asked + 1ms)));
    CHECK_FALSE(rig.queue.misled(seat, asked));
    CHECK_FALSE(rig.queue.misled(seat, asked + 10ms));
  }
  SUBCASE("or is interrupted") {
    seat.interrupt();
    CHECK(rig.queue.wait(seat, base::Duration::max()) == Wake::interrupted);
  }
  CHECK(rig.queue.next(seat) == rig.exchanges[2].get());
  rig.queue.leave(seat);
}

TEST_CASE("app queue: who stands by for work that others have done is idle again, and called for the next") {
  Rig rig{2};
  for (int i = 0; i < 2; ++i) rig.arrive();
  Inside first{rig, true};
  Inside second{rig, true};
  make_patient(rig, first, second);
  AppQueue::Seat& other = rig.queue.enter();
  AppQueue::Seat& seat = rig.queue.enter();
  REQUIRE(rig.queue.park(seat));
  rig.arrive();
  // It is called, and the work is gone before it looks.
  REQUIRE(rig.queue.next(other) != nullptr);
  rig.queue.done(other);
  Wake wake{};
  std::thread waiter{[&] { wake = rig.queue.wait(seat, base::Duration::max()); }};
  CHECK(eventually([&] { return rig.queue.idle() == 1; }));
  rig.arrive();
  waiter.join();
  CHECK(wake == Wake::called);
  CHECK(rig.queue.next(seat) == rig.exchanges[3].get());
  rig.queue.leave(seat);
  rig.queue.leave(other);
}

TEST_CASE("app queue: what arrives calls one parked thread, and the others stay where they are") {
  Rig rig;
  AppQueue::Seat& first = rig.queue.enter();
  AppQueue::Seat& second = rig.queue.enter();
  REQUIRE(rig.queue.park(first));
  REQUIRE(rig.queue.park(second));
  rig.arrive();
  rig.arrive();
  CHECK(second.wait(10s) == Wake::called);
  CHECK(first.wait(1ms) == Wake::idle);
  CHECK(rig.queue.next(second) == rig.exchanges[0].get());
  rig.queue.done(second);
  CHECK(rig.queue.next(second) == rig.exchanges[1].get());
  rig.queue.done(second);
  CHECK(rig.queue.next(second) == nullptr);
  rig.queue.leave(first);
  rig.queue.leave(second);
}

TEST_CASE(
    "app queue: the lock is given away once in a millisecond, and more often while others are in their requests") {
  Rig rig;
  AppQueue::Seat& seat = rig.queue.enter();
  rig.queue.had_pause(rig.start, rig.start);
  CHECK_FALSE(rig.queue.should_yield(rig.start + 900us));
  CHECK(rig.queue.should_yield(rig.start + 1ms));
  AppQueue::Seat& other = rig.queue.enter();
  rig.arrive();
  REQUIRE(rig.queue.next(other) != nullptr);
  CHECK_FALSE(rig.queue.should_yield(rig.start + 249us));
  CHECK(rig.queue.should_yield(rig.start + 250us));
  rig.queue.leave(other);
  rig.queue.leave(seat);
}

TEST_CASE("app queue: who took the lock for long lets the exchanges have as much") {
  Rig rig;
  AppQueue::Seat& other = rig.queue.enter();
  rig.arrive();
  REQUIRE(rig.queue.next(other) != nullptr);
  rig.queue.begin_yield();
  SUBCASE("as long as it took") {
    const base::Instant back = rig.start + 10ms;
    rig.queue.end_yield(rig.start, back);
    CHECK(rig.queue.share_left(back) == 10ms);
    CHECK_FALSE(rig.queue.should_yield(back + 9ms));
    CHECK(rig.queue.should_yield(back + 10ms));
  }
  SUBCASE("but less than a time slice of the interpreter") {
    const base::Instant back = rig.start + 300ms;
    rig.queue.end_yield(rig.start, back);
    CHECK(rig.queue.share_left(back) == 80ms);
  }
  SUBCASE("not where the exchanges were served by another thread meanwhile") {
    rig.queue.served(rig.start + 9ms);
    rig.queue.end_yield(rig.start, rig.start + 10ms);
    CHECK(rig.queue.share_left(rig.start + 10ms) == 1ms);
  }
  SUBCASE("and a short pause behind it takes nothing away") {
    rig.queue.end_yield(rig.start, rig.start + 10ms);
    rig.queue.had_pause(rig.start + 11ms, rig.start + 11ms);
    CHECK(rig.queue.share_left(rig.start + 11ms) == 9ms);
  }
  rig.queue.leave(other);
}

TEST_CASE("app queue: a thread that waits with the lock is called before the one that stands by") {
  Rig rig;
  AppQueue::Seat& standby = rig.queue.enter();
  AppQueue::Seat& holder = rig.queue.enter();
  REQUIRE(rig.queue.park(standby));
  rig.arrive();  // standby is called
  REQUIRE(rig.queue.next(holder) != nullptr);
  rig.queue.done(holder);
  REQUIRE(rig.queue.park(holder));
  std::thread io{[&] {
    std::this_thread::sleep_for(20ms);
    rig.arrive();
  }};
  const bool called = rig.queue.wait_with_lock(holder, 10s);
  io.join();
  CHECK(called);
  CHECK(rig.queue.next(holder) == rig.exchanges[1].get());
  rig.queue.leave(holder);
  CHECK(standby.wait(10s) == Wake::called);
  rig.queue.leave(standby);
}

TEST_CASE("app queue: a wait with the lock ends by itself, and loses neither a call nor an interrupt") {
  Rig rig;
  AppQueue::Seat& seat = rig.queue.enter();
  REQUIRE(rig.queue.park(seat));
  CHECK_FALSE(rig.queue.wait_with_lock(seat, 1ms));
  SUBCASE("work that came afterwards") {
    rig.arrive();
    CHECK(seat.wait(10s) == Wake::called);
  }
  SUBCASE("work that came in between") {
    rig.arrive();
    CHECK(rig.queue.wait_with_lock(seat, 10s));
  }
  SUBCASE("an interrupt") {
    seat.interrupt();
    CHECK_FALSE(rig.queue.wait_with_lock(seat, 10s));
    CHECK(seat.wait(10s) == Wake::interrupted);
  }
  rig.queue.leave(seat);
}

// Every exchange is taken, whatever the threads are at when it comes: an I/O thread, four takers with one lock.
TEST_CASE("app queue: nothing is left waiting while threads are idle") {
  constexpr int kExchanges = 20'000;
  Rig rig;
  std::mutex lock;
  std::atomic<int> taken{0};
  const auto work = [&](bool holds) {
    std::unique_lock held{lock};
    AppQueue::Seat& seat = rig.queue.enter();
    while (true) {
      if (rig.queue.next(seat) != nullptr) {
        ++taken;
        rig.queue.done(seat);
        rig.queue.served(base::now());
        continue;
      }
      if (!rig.queue.park(seat)) {
        if (rig.queue.closed() && rig.queue.depth() == 0) break;
        continue;
      }
      if (holds && rig.queue.wait_with_lock(seat, 50us)) continue;
      held.unlock();
      (void)rig.queue.wait(seat, base::Duration::max());
      held.lock();
      rig.queue.had_pause(seat.asked_at(), base::now());
    }
    rig.queue.leave(seat);
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work, i % 2 == 0);
  for (int i = 0; i < kExchanges; ++i) {
    rig.arrive();
    if (i % 16 == 0) {
      // The I/O thread sleeps: whoever is to take this has been called.
      CHECK(eventually([&] { return taken == i + 1; }));
    }
  }
  CHECK(eventually([&] { return taken == kExchanges; }));
  rig.queue.close();
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("app queue: what is pending is what no free thread will take") {
  Rig rig{1, 3};
  AppQueue::Seat& seat = rig.queue.enter();
  CHECK(rig.queue.pending() == -3);
  rig.arrive();
  rig.arrive();
  CHECK(rig.queue.pending() == -1);
  REQUIRE(rig.queue.next(seat) != nullptr);
  CHECK(rig.queue.pending() == -1);
  rig.queue.done(seat);
  CHECK(rig.queue.pending() == -2);
  rig.queue.leave(seat);
}

TEST_CASE("app queue: a request that takes too long is found with its seat, and only while it is the same") {
  Rig rig;
  AppQueue::Seat& seat = rig.queue.enter(7);
  rig.arrive();
  http::Exchange& exchange = *rig.queue.next(seat);
  rig.queue.overdue(exchange, true);
  CHECK(rig.alerted == 1);
  const std::vector<AppQueue::Overdue> found = rig.queue.take_overdue();
  REQUIRE(found.size() == 1);
  CHECK(found[0].hard);
  CHECK(rig.queue.take_overdue().empty());
  CHECK(rig.queue.seat_of(found[0]) == &seat);
  CHECK(seat.number() == 7);
  rig.queue.done(seat);
  CHECK(rig.queue.seat_of(found[0]) == nullptr);
  // The same memory, another request.
  exchange.clear();
  server::ExchangeChain chain;
  chain.push(exchange);
  rig.queue.dispatch(std::move(chain));
  REQUIRE(rig.queue.next(seat) == &exchange);
  CHECK(rig.queue.seat_of(found[0]) == nullptr);
  CHECK_FALSE(rig.queue.abandon(7, found[0].serial));
  rig.queue.leave(seat);
}

TEST_CASE("app queue: who sits down where a doomed thread sat is not doomed") {
  Rig rig;
  AppQueue::Seat& seat = rig.queue.enter(1);
  seat.doom();
  CHECK(seat.doomed());
  rig.queue.leave(seat);
  AppQueue::Seat& next = rig.queue.enter(2);
  CHECK(&next == &seat);
  CHECK_FALSE(next.doomed());
  rig.queue.leave(next);
}

TEST_CASE("app queue: a thread that is given up counts for nothing, and leaves when it comes back") {
  Rig rig{1, 1};
  AppQueue::Seat& seat = rig.queue.enter(1);
  rig.arrive();
  const http::Exchange& exchange = *rig.queue.next(seat);
  CHECK(rig.queue.pending() == 0);
  CHECK_FALSE(rig.queue.abandon(2, exchange.serial));
  CHECK(rig.queue.abandon(1, exchange.serial));
  CHECK_FALSE(rig.queue.abandon(1, exchange.serial));
  CHECK(seat.abandoned());
  CHECK(rig.queue.seats() == 0);
  CHECK(rig.queue.in_requests() == 0);
  CHECK(rig.queue.abandoned() == 1);
  CHECK(rig.queue.pending() == -1);
  AppQueue::Seat& other = rig.queue.enter(2);
  rig.arrive();
  REQUIRE(rig.queue.next(other) != nullptr);
  rig.queue.done(seat);
  CHECK(rig.queue.in_requests() == 1);
  rig.queue.leave(seat);
  CHECK(rig.queue.abandoned() == 0);
  CHECK(rig.queue.seats() == 1);
  rig.queue.leave(other);
  CHECK(rig.queue.seats() == 0);
}

}  // namespace hyperion::test
