// UniqueFd, GuardedFd and the fork guard: who closes what, and where.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/fork_guard.hpp"
#include "base/temporary_file.hpp"
#include "base/unique_fd.hpp"

namespace hyperion::test {
namespace {

using base::GuardedFd;
using base::UniqueFd;

UniqueFd make_fd() { return UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

bool open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// What a forked child answers.
template <class Question>
bool in_child(Question&& question) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(question() ? 0 : 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static_assert(!std::is_copy_constructible_v<UniqueFd> && !std::is_copy_assignable_v<UniqueFd>);
static_assert(!std::is_copy_constructible_v<GuardedFd> && !std::is_copy_assignable_v<GuardedFd>);
static_assert(std::is_nothrow_move_constructible_v<UniqueFd> && std::is_nothrow_move_constructible_v<GuardedFd>);

}  // namespace

TEST_CASE("unique fd: is closed once, by its last owner") {
  int number = -1;
  {
    UniqueFd first = make_fd();
    number = first.get();
    UniqueFd second{std::move(first)};
    CHECK_FALSE(first.valid());
    CHECK(second.get() == number);
    UniqueFd third;
    third = std::move(second);
    third = std::move(third);  // NOLINT
    CHECK(third.get() == number);
    CHECK(open(number));
  }
  CHECK_FALSE(open(number));

  UniqueFd replaced = make_fd();
  const int old = replaced.get();
  UniqueFd other = make_fd();
  const int kept = other.get();
  replaced = std::move(other);
  CHECK_FALSE(open(old));
  CHECK(open(kept));
  const UniqueFd given{replaced.release()};
  CHECK_FALSE(replaced.valid());
  CHECK(open(kept));
}

TEST_CASE("fork guard: a child does not keep what is guarded, and keeps everything else") {
  const UniqueFd plain = make_fd();
  GuardedFd guarded{make_fd()};
  GuardedFd given_away{make_fd()};
  const UniqueFd released = given_away.release();
  // A number that was guarded once is free again.
  int number = -1;
  {
    GuardedFd temporary{make_fd()};
    number = temporary.get();
  }
  const UniqueFd reused = make_fd();
  CHECK(reused.get() == number);
  const unsigned generation = base::fork_generation();
  CHECK(in_child([&] {
    return open(plain.get()) && open(released.get()) && open(reused.get()) && !open(guarded.get()) &&
           base::fork_generation() != generation;
  }));
  CHECK(open(guarded.get()));
  CHECK(base::fork_generation() == generation);
}

TEST_CASE("fork guard: assignment moves the guard along") {
  GuardedFd first{make_fd()};
  GuardedFd second{make_fd()};
  const int first_number = first.get();
  const int second_number = second.get();
  second = std::move(first);
  CHECK_FALSE(first.valid());
  CHECK(second.get() == first_number);
  CHECK_FALSE(open(second_number));
  const UniqueFd reused = make_fd();
  CHECK(reused.get() == second_number);
  CHECK(in_child([&] { return !open(first_number) && open(second_number); }));
}

TEST_CASE("fork guard: a grandchild starts clean") {
  const GuardedFd guarded{make_fd()};
  CHECK(in_child([&] {
    // The number is the child's own now.
    const UniqueFd own = make_fd();
    const pid_t grandchild = ::fork();
    if (grandchild == 0) ::_exit(open(own.get()) ? 0 : 1);
    int status = 0;
    return ::waitpid(grandchild, &status, 0) == grandchild && status == 0;
  }));
}

TEST_CASE("fork guard: high numbers, and nonsense") {
  base::guard_fd(-1);
  base::unguard_fd(-1);
  base::guard_fd(1 << 30);
  base::unguard_fd(1 << 30);
  const UniqueFd high{::fcntl(0, F_DUPFD_CLOEXEC, 3000)};
  REQUIRE(high.valid());
  base::guard_fd(high.get());
  CHECK(in_child([&] { return !open(high.get()); }));
  base::unguard_fd(high.get());
  CHECK(in_child([&] { return open(high.get()); }));
}

TEST_CASE("fork guard: forking while others open and close") {
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!over) {
        GuardedFd mine{make_fd()};
        GuardedFd moved{std::move(mine)};
      }
    });
  }
  const GuardedFd guarded{make_fd()};
  for (int i = 0; i < 50; ++i) CHECK(in_child([&] { return !open(guarded.get()); }));
  over = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(open(guarded.get()));
}

TEST_CASE("temporary file: has no name, and is private") {
  auto file = base::open_temporary_file();
  REQUIRE(file.ok());
  CHECK((::fcntl(file.value().get(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(::write(file.value().get(), "hello", 5) == 5);
  char bytes[5];
  CHECK(::pread(file.value().get(), bytes, 5, 0) == 5);
  char name[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(file.value().get());
  const ssize_t size = ::readlink(link.c_str(), name, sizeof name);
  REQUIRE(size > 0);
  CHECK(std::string_view{name, static_cast<size_t>(size)}.ends_with("(deleted)"));
}

}  // namespace hyperion::test
