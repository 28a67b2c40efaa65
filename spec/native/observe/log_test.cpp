// Log: from any thread to its descriptors, never in anybody's way.
#include "observe/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/temporary_file.hpp"
#include "observe/log_fields.hpp"
#include "support/sockets.hpp"
#include "support/waiting.hpp"

namespace hyperion::test {
namespace {

using namespace observe;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Pipe {
  base::UniqueFd read_end;
  base::UniqueFd write_end;

  Pipe() {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    read_end = base::UniqueFd{fds[0]};
    write_end = base::UniqueFd{fds[1]};
  }
  // What is there now.
  std::string take() {
    ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
    std::string all;
    char bytes[4096];
    ssize_t got = 0;
    while ((got = ::read(read_end.get(), bytes, sizeof bytes)) > 0) all.append(bytes, static_cast<size_t>(got));
    return all;
  }
};

LogSettings settings_for(int out, int error) {
  LogSettings settings;
  settings.out_fd = out;
  settings.error_fd = error;
  return settings;
}

size_t lines_of(std::string_view text) { return static_cast<size_t>(std::count(text.begin(), text.end(), '\n')); }

std::string contents(int fd) {
  struct stat status {};
  ::fstat(fd, &status);
  std::string bytes(static_cast<size_t>(status.st_size), '\0');
  const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return bytes;
}

AccessEntry entry(std::string_view path) {
  AccessEntry entry;
  entry.status = 200;
  entry.method = "GET";
  entry.path = path;
  entry.version = "HTTP/1.1";
  return entry;
}

double cpu_seconds() {
  tms times{};
  ::times(&times);
  return static_cast<double>(times.tms_utime + times.tms_stime) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

TEST_CASE("log: information goes out, warnings and errors to the other descriptor") {
  Pipe out;
  Pipe err;
  Log log{settings_for(out.write_end.get(), err.write_end.get())};
  Log::Source& source = log.open_source();
  REQUIRE(log.start().ok());
  source.write(Level::info, "test", "information");
  source.write(Level::warn, "test", "warning");
  source.write(Level::debug, "test", "details");
  log.write(Level::error, "test", "error");
  source.access(entry("/path"));
  log.stop(seconds{10});
  const std::string said = out.take();
  CHECK(said.find("INFO test: information\n") != std::string::npos);
  CHECK(said.find("GET /path 200") != std::string::npos);
  CHECK(lines_of(said) == 2);
  const std::string warned = err.take();
  CHECK(warned.find("WARN test: warning\n") != std::string::npos);
  CHECK(warned.find("ERROR test: error\n") != std::string::npos);
  CHECK(lines_of(warned) == 2);
}

TEST_CASE("log: a stopped log leaves its descriptors to their owner") {
  const size_t before = open_descriptors();
  Pipe out;
  Log log{settings_for(out.write_end.get(), out.write_end.get())};
  REQUIRE(log.start().ok());
  log.write(Level::info, "test", "one line");
  log.stop(seconds{10});
  CHECK(open_descriptors() == before + 2);
  out.write_end.reset();
  char bytes[1000];
  CHECK(::read(out.read_end.get(), bytes, sizeof bytes) > 0);
  CHECK(::read(out.read_end.get(), bytes, sizeof bytes) == 0);  // the reader sees the end
}

TEST_CASE("log: lines follow when another file takes the descriptor's place") {
  Pipe out;
  const base::UniqueFd file = std::move(base::open_temporary_file()).value();
  const base::UniqueFd number{::fcntl(out.write_end.get(), F_DUPFD_CLOEXEC, 0)};
  Log log{settings_for(number.get(), number.get())};
  REQUIRE(log.start().ok());
  log.write(Level::info, "test", "to the pipe");
  CHECK(eventually([&] { return out.take().find("to the pipe") != std::string::npos; }));
  REQUIRE(::dup3(file.get(), number.get(), O_CLOEXEC) == number.get());
  log.write(Level::info, "test", "to the file");
  log.stop(seconds{10});
  CHECK(contents(file.get()).find("to the file") != std::string::npos);
  CHECK(out.take().empty());
}

TEST_CASE("log: a line is out soon, without anybody's help") {
  Pipe out;
  Log log{settings_for(out.write_end.get(), out.write_end.get())};
  REQUIRE(log.start().ok());
  for (int i = 0; i < 20; ++i) {
    log.write(Level::info, "test", std::to_string(i));
    std::string said;
    REQUIRE(eventually([&] { return !(said += out.take()).empty(); }));
    CHECK(said.find(": " + std::to_string(i) + "\n") != std::string::npos);
  }
}

TEST_CASE("log: many threads, no line lost or torn") {
  const base::UniqueFd file = std::move(base::open_temporary_file()).value();
  constexpr int kThreads = 4;
  constexpr int kLines = 5000;
  LogSettings settings = settings_for(file.get(), file.get());
  settings.ring_bytes = size_t{1} << 21;
  Log log{settings};
  REQUIRE(log.start().ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    Log::Source& own = log.open_source();
    threads.emplace_back([&, i] {
      for (int line = 0; line < kLines; ++line) {
        const std::string text = "thread " + std::to_string(i) + " line " + std::to_string(line);
        if (line % 2 == 0) {
          own.write(Level::info, "test", text);
        } else {
          log.write(Level::info, "test", text);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  log.stop(seconds{30});
  CHECK(log.dropped() == 0);
  const std::string text = contents(file.get());
  CHECK(lines_of(text) == kThreads * kLines);
  // Those of one source are in order.
  for (int i = 0; i < kThreads; ++i) {
    size_t at = 0;
    for (int line = 0; line < kLines; line += 2) {
      at = text.find(" INFO test: thread " + std::to_string(i) + " line " + std::to_string(line) + "\n", at);
      REQUIRE(at != std::string::npos);
    }
  }
}

TEST_CASE("log: many lines leave in one write") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
  const base::UniqueFd reader{pair[0]};
  const base::UniqueFd writer{pair[1]};
  Log log{settings_for(writer.get(), writer.get())};
  REQUIRE(log.start().ok());
  for (int i = 0; i < 1000; ++i)
    log.write(Level::info, "test", "a line of some length or other, number " + std::to_string(i));
  std::thread stopper{[&] { log.stop(seconds{30}); }};
  // Each message is one write.
  size_t writes = 0;
  size_t lines = 0;
  std::string bytes(64 * 1024, '\0');
  while (lines < 1000) {
    const ssize_t got = ::recv(reader.get(), bytes.data(), bytes.size(), 0);
    REQUIRE(got > 0);
    ++writes;
    lines += lines_of(std::string_view{bytes}.substr(0, static_cast<size_t>(got)));
  }
  stopper.join();
  CHECK(writes <= 100);
}

TEST_CASE("log: a pipe that nobody reads stops nobody; what is dropped is counted and told") {
  Pipe out;
  Pipe err;
  Log log{settings_for(out.write_end.get(), err.write_end.get())};
  Log::Source& source = log.open_source();
  REQUIRE(log.start().ok());
  const std::string path(500, 'p');
  const base::Instant begin = base::now();
  uint64_t wrote = 0;
  // Until the pipe, the memory for a late reader and the ring are full, and well beyond.
  while (log.dropped() < 10'000 && since(begin) < kPatience) {
    source.access(entry(path));
    ++wrote;
  }
  CHECK(log.dropped() >= 10'000);
  // Errors have a way of their own.
  std::string told;
  CHECK(eventually([&] {
    source.write(Level::error, "test", "still heard");
    told += err.take();
    return told.find("still heard") != std::string::npos && told.find("log lines were dropped") != std::string::npos;
  }));
  // A reader that comes late gets whole lines.
  std::string said;
  std::atomic<bool> over{false};
  std::thread reader{[&] {
    while (!over) {
      said += out.take();
      std::this_thread::sleep_for(milliseconds{1});
    }
    said += out.take();
  }};
  log.stop(seconds{30});
  over = true;
  reader.join();
  CHECK(lines_of(said) + log.dropped() >= wrote);
  CHECK(lines_of(said) > 100);
  size_t at = 0;
  while (at < said.size()) {
    const size_t end = said.find('\n', at);
    REQUIRE(end != std::string::npos);
    const std::string_view line = std::string_view{said}.substr(at, end - at);
    REQUIRE(line.find(path) != std::string_view::npos);
    REQUIRE(line.ends_with("HTTP/1.1"));
    at = end + 1;
  }
}

TEST_CASE("log: stopping waits for a reader only so long, and idly") {
  Pipe out;
  Log log{settings_for(out.write_end.get(), out.write_end.get())};
  REQUIRE(log.start().ok());
  for (int i = 0; i < 2000; ++i) log.write(Level::info, "test", std::string(100, 'x'));
  std::this_thread::sleep_for(milliseconds{50});
  const base::Instant begin = base::now();
  const double cpu = cpu_seconds();
  log.stop(milliseconds{500});
  CHECK(since(begin) >= milliseconds{400});
  CHECK(since(begin) < seconds{10});
  CHECK(cpu_seconds() - cpu < 0.25);
  log.stop(seconds{10});  // twice is nothing
}

TEST_CASE("log: a terminal that is held does not hold the end") {
  const base::UniqueFd master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  REQUIRE(master.valid());
  REQUIRE(::grantpt(master.get()) == 0);
  REQUIRE(::unlockpt(master.get()) == 0);
  char name[64];
  REQUIRE(::ptsname_r(master.get(), name, sizeof name) == 0);
  const base::UniqueFd terminal{::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)};
  REQUIRE(terminal.valid());
  Log log{settings_for(terminal.get(), terminal.get())};
  REQUIRE(log.start().ok());
  for (int i = 0; i < 2000; ++i) log.write(Level::info, "test", std::string(100, 'x'));
  std::this_thread::sleep_for(milliseconds{50});
  const base::Instant begin = base::now();
  log.stop(milliseconds{100});
  CHECK(since(begin) < seconds{10});
  // The descriptor that others share is left as it was.
  CHECK((::fcntl(terminal.get(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("log: a descriptor that breaks is given up, quietly") {
  Pipe out;
  Log log{settings_for(out.write_end.get(), out.write_end.get())};
  REQUIRE(log.start().ok());
  out.read_end.reset();
  log.write(Level::info, "test", "to nobody");
  log.write(Level::info, "test", std::string(10'000, 'x'));
  const base::Instant begin = base::now();
  log.stop(seconds{30});
  CHECK(since(begin) < seconds{10});
  LogSettings closed = settings_for(-1, -1);
  Log nowhere{closed};
  REQUIRE(nowhere.start().ok());
  nowhere.write(Level::info, "test", "to nobody");
  nowhere.stop(seconds{30});
}

TEST_CASE("log: a disk that is full stops nobody; what is lost is counted, and told") {
  Pipe err;
  const base::UniqueFd number{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  REQUIRE(number.valid());
  Log log{settings_for(number.get(), err.write_end.get())};
  REQUIRE(log.start().ok());
  for (int i = 0; i < 7; ++i) log.write(Level::info, "test", "lost");
  CHECK(eventually([&] { return log.dropped() == 7; }));
  // The disk has room again.
  const base::UniqueFd file = std::move(base::open_temporary_file()).value();
  REQUIRE(::dup3(file.get(), number.get(), O_CLOEXEC) == number.get());
  log.write(Level::info, "test", "kept");
  log.stop(seconds{10});
  CHECK(contents(file.get()).find("INFO test: kept\n") != std::string::npos);
  const std::string told = err.take();
  CHECK(told.find("WARN log: log lines were dropped because they could not be written (No space left on device): ") !=
        std::string::npos);
  CHECK(log.dropped() == 7);
}

TEST_CASE("log: when the place of the report is full, too, it comes when there is room") {
  const base::UniqueFd number{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  REQUIRE(number.valid());
  Log log{settings_for(number.get(), number.get())};
  REQUIRE(log.start().ok());
  for (int i = 0; i < 5; ++i) log.write(Level::warn, "test", "lost");
  CHECK(eventually([&] { return log.dropped() == 5; }));
  const base::UniqueFd file = std::move(base::open_temporary_file()).value();
  REQUIRE(::dup3(file.get(), number.get(), O_CLOEXEC) == number.get());
  log.write(Level::info, "test", "kept");
  // Without a further line.
  CHECK(eventually([&] { return contents(file.get()).find("could not be written") != std::string::npos; }));
  log.stop(seconds{10});
  const std::string text = contents(file.get());
  CHECK(text.find("could not be written (No space left on device): 5\n") != std::string::npos);
  CHECK(lines_of(text) == 2);
  CHECK(log.dropped() == 5);
}

TEST_CASE("log: a line that was cut by a full disk does not run into the next one") {
  const base::UniqueFd file = std::move(base::open_temporary_file()).value();
  // A file that may grow to so many bytes stands for a disk with so much room; SIGXFSZ is blocked in native threads.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  Log log{settings_for(file.get(), file.get())};
  REQUIRE(log.start().ok());
  const rlimit small{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  for (int i = 0; i < 30; ++i) log.write(Level::info, "test", std::string(70, 'x'));
  const bool lost = eventually([&] { return log.dropped() > 0; });
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(lost);
  log.write(Level::info, "test", "after");
  log.stop(seconds{10});
  const std::string text = contents(file.get());
  CHECK(text.find("\n2") != std::string::npos);
  const size_t after = text.find(" INFO test: after\n");
  REQUIRE(after != std::string::npos);
  const size_t begin = text.rfind('\n', after) + 1;
  CHECK(after - begin == std::string_view{"2024-02-29T12:34:56.789Z"}.size());
  CHECK(text.find("could not be written (File too large)") != std::string::npos);
}

TEST_CASE("log: fields follow the message and the request") {
  const base::UniqueFd file = std::move(base::open_temporary_file()).value();
  Log log{settings_for(file.get(), file.get())};
  REQUIRE(log.start().ok());
  std::string fields;
  FieldsWriter writer{fields, {}};
  writer.add(FieldKind::text, "user", "ann");
  log.write(Level::info, "test", "message", fields);
  AccessEntry with_fields = entry("/path");
  with_fields.fields = fields;
  log.open_source().access(with_fields);
  log.stop(seconds{10});
  CHECK(contents(file.get()).find("test: message user=ann\n") != std::string::npos);
  CHECK(contents(file.get()).find(" HTTP/1.1 user=ann\n") != std::string::npos);
}

TEST_CASE("log: what is too long is cut, and one line cannot push out all others") {
  const base::UniqueFd file = std::move(base::open_temporary_file()).value();
  Log log{settings_for(file.get(), file.get())};
  Log::Source& source = log.open_source();
  REQUIRE(log.start().ok());
  AccessEntry giant = entry("");
  const std::string long_text(100'000, 'x');
  giant.path = giant.query = giant.method = giant.remote = giant.version = giant.request_id = long_text;
  source.access(giant);
  source.write(Level::info, long_text, long_text);
  source.access(entry("/after"));
  log.stop(seconds{10});
  const std::string text = contents(file.get());
  CHECK(lines_of(text) == 3);
  CHECK(text.size() < 50'000);
  CHECK(text.find("GET /after 200") != std::string::npos);
}

TEST_CASE("log: a log that was never started, or is stopped while others write") {
  const base::UniqueFd file = std::move(base::open_temporary_file()).value();
  {
    Log unused{settings_for(file.get(), file.get())};
    unused.write(Level::info, "test", "before the start");
    unused.stop(seconds{1});
  }
  Log log{settings_for(file.get(), file.get())};
  log.write(Level::info, "test", "early");
  REQUIRE(log.start().ok());
  std::atomic<bool> over{false};
  std::thread writer{[&] {
    while (!over) log.write(Level::info, "test", "at any time");
  }};
  log.stop(seconds{10});
  over = true;
  writer.join();
  CHECK(contents(file.get()).find("early") != std::string::npos);
}

}  // namespace hyperion::test
