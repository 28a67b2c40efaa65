// http::BodyPipe: order, bounds, the ring in its file, and waiting on both sides. Producers are threads of the test.
#include "http/body_pipe.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/temporary_file.hpp"
#include "support/random.hpp"

using namespace hyperion;
using http::BodyPipe;
using Outcome = BodyPipe::Outcome;

namespace {

// What the I/O thread does: told of news, it takes everything that is there.
class Bell {
 public:
  BodyPipe::Notify notify() {
    return {[](void* self) noexcept { static_cast<Bell*>(self)->ring(); }, this};
  }
  void wait() {
    std::unique_lock lock{mutex_};
    rung_.wait(lock, [&] { return waiting_ > 0; });
    waiting_ = 0;
  }
  int count() {
    const std::lock_guard lock{mutex_};
    return total_;
  }

 private:
  void ring() {
    const std::lock_guard lock{mutex_};
    ++waiting_;
    ++total_;
    rung_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable rung_;
  int waiting_ = 0;
  int total_ = 0;
};

std::string content(const buffer::FileRange& range) {
  std::string bytes(range.size, '\0');
  if (range.size > 0) {
    REQUIRE(::pread(range.file->get(), bytes.data(), bytes.size(), static_cast<off_t>(range.offset)) ==
            static_cast<ssize_t>(bytes.size()));
  }
  return bytes;
}

Outcome write(BodyPipe& pipe, std::string_view bytes) { return pipe.write(bytes); }

}  // namespace

TEST_CASE("body pipe: bytes come out as they went in") {
  Bell bell;
  BodyPipe pipe{{.memory = 100, .spill = 0}, bell.notify()};
  CHECK(pipe.try_write("abc") == Outcome::accepted);
  CHECK(pipe.try_write("") == Outcome::accepted);
  CHECK(write(pipe, "def") == Outcome::accepted);
  BodyPipe::Portion portion = pipe.take(1000);
  CHECK(portion.memory == "abcdef");
  CHECK(portion.file.size == 0);
  CHECK_FALSE(portion.finished);
  pipe.finish(true);
  portion = pipe.take(1000);
  CHECK(portion.memory.empty());
  CHECK(portion.finished);
  CHECK(portion.complete);
}

TEST_CASE("body pipe: the consumer is told when there is something new, and at the end") {
  Bell bell;
  BodyPipe pipe{{.memory = 100, .spill = 0}, bell.notify()};
  CHECK(pipe.try_write("") == Outcome::accepted);
  CHECK(bell.count() == 0);
  CHECK(pipe.try_write("a") == Outcome::accepted);
  CHECK(bell.count() == 1);
  CHECK(pipe.try_write("b") == Outcome::accepted);
  CHECK(bell.count() == 1);
  (void)pipe.take(0);
  CHECK(pipe.try_write("c") == Outcome::accepted);
  CHECK(bell.count() == 2);
  pipe.finish(true);
  CHECK(bell.count() == 3);
  pipe.finish(true);
  CHECK(bell.count() == 3);
}

TEST_CASE("body pipe: try_write takes all or nothing, and never the file") {
  Bell bell;
  BodyPipe pipe{{.memory = 4, .spill = 100}, bell.notify()};
  CHECK(pipe.try_write("12345") == Outcome::full);
  CHECK(pipe.try_write("123") == Outcome::accepted);
  CHECK(pipe.try_write("45") == Outcome::full);
  CHECK(pipe.try_write("4") == Outcome::accepted);
  CHECK(pipe.take(100).memory == "1234");
}

TEST_CASE("body pipe: beyond its memory it goes to the file, in order") {
  Bell bell;
  BodyPipe pipe{{.memory = 4, .spill = 100}, bell.notify()};
  CHECK(write(pipe, "0123456789") == Outcome::accepted);
  // While the file holds bytes, what is new goes behind them.
  CHECK(pipe.try_write("x") == Outcome::full);
  CHECK(write(pipe, "x") == Outcome::accepted);
  pipe.finish(true);
  BodyPipe::Portion portion = pipe.take(3);
  CHECK(portion.memory == "0123");
  CHECK(content(portion.file) == "456");
  CHECK_FALSE(portion.finished);
  portion = pipe.take(100);
  CHECK(portion.memory.empty());
  CHECK(content(portion.file) == "789x");
  CHECK(portion.finished);
  CHECK(portion.complete);
}

TEST_CASE("body pipe: a body that was cut off is finished and not complete") {
  Bell bell;
  BodyPipe pipe{{.memory = 4, .spill = 0}, bell.notify()};
  CHECK(pipe.try_write("ab") == Outcome::accepted);
  pipe.finish(false);
  const BodyPipe::Portion portion = pipe.take(100);
  CHECK(portion.memory == "ab");
  CHECK(portion.finished);
  CHECK_FALSE(portion.complete);
}

TEST_CASE("body pipe: a taken range keeps the file alive") {
  Bell bell;
  BodyPipe::Portion portion;
  {
    BodyPipe pipe{{.memory = 1, .spill = 100}, bell.notify()};
    CHECK(write(pipe, "abc") == Outcome::accepted);
    portion = pipe.take(100);
  }
  CHECK(content(portion.file) == "bc");
}

TEST_CASE("body pipe: closed, it takes nothing more and wakes its producer") {
  Bell bell;
  BodyPipe pipe{{.memory = 2, .spill = 0}, bell.notify()};
  std::atomic<Outcome> outcome{Outcome::accepted};
  std::thread producer{[&] { outcome = write(pipe, "abcdef"); }};
  bell.wait();  // the first bytes are in: the producer waits, or will
  pipe.close();
  producer.join();
  CHECK(outcome == Outcome::closed);
  CHECK(pipe.try_write("x") == Outcome::closed);
  CHECK(write(pipe, "x") == Outcome::closed);
  CHECK(pipe.take(100).memory.empty());
}

TEST_CASE("body pipe: an interrupt ends a wait, before it or in it, until it is cleared") {
  Bell bell;
  BodyPipe pipe{{.memory = 2, .spill = 0}, bell.notify()};
  std::atomic<Outcome> outcome{Outcome::accepted};
  std::atomic<size_t> left{0};
  std::thread producer{[&] {
    std::string_view rest = "abcdef";
    outcome = pipe.write(rest);
    left = rest.size();
  }};
  bell.wait();
  pipe.interrupt();
  producer.join();
  CHECK(outcome == Outcome::interrupted);
  CHECK(left == 4);
  CHECK(write(pipe, "x") == Outcome::interrupted);
  pipe.clear_interrupt();
  CHECK(pipe.take(0).memory == "ab");
  CHECK(write(pipe, "cd") == Outcome::accepted);
  CHECK(pipe.take(0).memory == "cd");
}

TEST_CASE("body pipe: the ring's room is free when its bytes are released, not when they are taken") {
  Bell bell;
  BodyPipe pipe{{.memory = 1, .spill = 8}, bell.notify()};
  CHECK(write(pipe, "m01234567") == Outcome::accepted);  // memory and ring are full
  BodyPipe::Portion first = pipe.take(5);
  CHECK(first.memory == "m");
  std::atomic<bool> done{false};
  std::thread producer{[&] {
    CHECK(write(pipe, "89abc") == Outcome::accepted);
    done = true;
  }};
  CHECK(content(first.file) == "01234");
  CHECK_FALSE(done);  // it cannot be: there is no room
  pipe.release_file(5);
  producer.join();
  CHECK(done);
  BodyPipe::Portion second = pipe.take(100);
  CHECK(content(second.file) == "567");  // up to the ring's end
  BodyPipe::Portion third = pipe.take(100);
  CHECK(content(third.file) == "89abc");
}

TEST_CASE("body pipe: much through little room, every byte in its place") {
  for (const uint64_t spill : {uint64_t{0}, uint64_t{1}, uint64_t{7}, uint64_t{4096}}) {
    CAPTURE(spill);
    Bell bell;
    BodyPipe pipe{{.memory = 5, .spill = spill}, bell.notify()};
    const std::string sent = test::pattern(20'000);
    std::thread producer{[&] {
      test::Random random{spill + 1};
      std::string_view rest = sent;
      while (!rest.empty()) {
        std::string_view piece = rest.substr(0, random.between(1, 40));
        rest.remove_prefix(piece.size());
        if (pipe.try_write(piece) == Outcome::accepted) continue;
        CHECK(pipe.write(piece) == Outcome::accepted);
      }
      pipe.finish(true);
    }};
    // Takes only when told, as an I/O thread does: news that is not told would be waited for here for ever.
    std::string got;
    bool finished = false;
    test::Random random{spill + 2};
    while (!finished) {
      bell.wait();
      while (!finished) {
        const BodyPipe::Portion portion = pipe.take(random.between(1, 100));
        if (portion.memory.empty() && portion.file.size == 0 && !portion.finished) break;
        got += portion.memory;
        got += content(portion.file);
        pipe.release_file(portion.file.size);
        finished = portion.finished;
        if (finished) CHECK(portion.complete);
      }
    }
    producer.join();
    CHECK((got == sent));
  }
}

TEST_CASE("body pipe: without a file to write the producer waits, and nothing is lost") {
  Bell bell;
  BodyPipe pipe{{.memory = 10, .spill = 1000}, bell.notify()};
  const std::string sent = test::pattern(1000);
  base::set_temporary_directory("/nonexistent");
  std::thread producer{[&] {
    CHECK(write(pipe, sent) == Outcome::accepted);
    pipe.finish(true);
  }};
  std::string got;
  bool finished = false;
  std::vector<int> errors;
  while (!finished) {
    const BodyPipe::Portion portion = pipe.take(1000);
    if (portion.file_error != 0) errors.push_back(portion.file_error);
    if (portion.memory.empty() && !portion.finished) {
      bell.wait();
      continue;
    }
    CHECK(portion.memory.size() <= 10);
    CHECK(portion.file.size == 0);
    got += portion.memory;
    finished = portion.finished;
  }
  producer.join();
  base::set_temporary_directory("/tmp");
  CHECK((got == sent));
  // Told once; a consumer that is always quicker leaves room in memory, and the file is never tried.
  CHECK(errors.size() <= 1);
  if (!errors.empty()) CHECK(errors.front() == ENOENT);
}

TEST_CASE("body pipe: what goes to the file while the consumer empties the memory is told as well") {
  // An event stream: nothing more is written until the event has arrived, so news that is not told is waited for here
  // for ever.
  Bell bell;
  BodyPipe pipe{{.memory = 4, .spill = 1 << 20}, bell.notify()};
  constexpr int kEvents = 3000;
  constexpr std::string_view kEvent = "0123456789";
  std::atomic<uint64_t> arrived{0};
  std::thread producer{[&] {
    for (uint64_t event = 1; event <= kEvents; ++event) {
      CHECK(write(pipe, kEvent) == Outcome::accepted);
      // Waits for a change of what it has looked at, and not of what came meanwhile.
      for (uint64_t seen = arrived; seen < event * kEvent.size(); seen = arrived) arrived.wait(seen);
    }
  }};
  while (arrived < kEvents * kEvent.size()) {
    bell.wait();
    while (true) {
      const BodyPipe::Portion portion = pipe.take(100);
      const uint64_t size = portion.memory.size() + portion.file.size;
      if (size == 0) break;
      pipe.release_file(portion.file.size);
      arrived += size;
      arrived.notify_one();
    }
  }
  producer.join();
  CHECK(arrived == kEvents * kEvent.size());
}
