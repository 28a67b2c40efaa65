// Outbox: lines for a logger that is not ours, which may be slow, or hang.
#include "observe/outbox.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <thread>

#include "base/temporary_file.hpp"
#include "observe/log.hpp"
#include "support/waiting.hpp"

namespace hyperion::test {
namespace {

using namespace observe;
using std::chrono::seconds;

std::vector<Outbox::Line> take_all(Outbox& outbox) {
  std::vector<Outbox::Line> all;
  while (true) {
    std::vector<Outbox::Line> some;
    if (outbox.take(some) != Outbox::Wake::lines) return all;
    for (auto& line : some) all.push_back(std::move(line));
  }
}

}  // namespace

TEST_CASE("outbox: lines in order, then the end") {
  Outbox outbox;
  for (int i = 0; i < 1000; ++i) CHECK(outbox.push(Level::info, std::to_string(i)));
  outbox.close();
  CHECK_FALSE(outbox.push(Level::info, "too late"));
  const auto lines = take_all(outbox);
  REQUIRE(lines.size() == 1000);
  CHECK(lines.back().text == "999");
}

TEST_CASE("outbox: bounded, and free again when lines are taken") {
  Outbox outbox{4096};
  size_t taken = 0;
  while (outbox.push(Level::info, std::string(100, 'x'))) ++taken;
  CHECK(taken > 10);
  CHECK(taken < 41);
  std::vector<Outbox::Line> lines;
  CHECK(outbox.take(lines) == Outbox::Wake::lines);
  CHECK(lines.size() == taken);
  CHECK(outbox.push(Level::info, "again"));
}

TEST_CASE("outbox: an interrupt before the wait is not lost, and ends one wait") {
  Outbox outbox;
  outbox.interrupt();
  std::vector<Outbox::Line> lines;
  CHECK(outbox.take(lines) == Outbox::Wake::interrupted);
  std::thread pusher{[&] { outbox.push(Level::warn, "line"); }};
  CHECK(outbox.take(lines) == Outbox::Wake::lines);
  pusher.join();
}

TEST_CASE("outbox: a log with one writes there, without time and level, and tells what found no room") {
  const base::UniqueFd file = std::move(base::open_temporary_file()).value();
  LogSettings settings;
  settings.out_fd = settings.error_fd = file.get();
  settings.out.bare = true;
  settings.outbox = std::make_shared<Outbox>(8192);
  Log log{settings};
  REQUIRE(log.start().ok());
  AccessEntry entry;
  entry.status = 200;
  entry.method = "GET";
  entry.path = "/path";
  entry.version = "HTTP/1.1";
  Log::Source& source = log.open_source();
  source.access(entry);
  log.write(Level::error, "app", "failed\n");
  std::vector<Outbox::Line> lines;
  while (lines.size() < 2) REQUIRE(settings.outbox->take(lines) == Outbox::Wake::lines);
  bool access = false;
  for (const auto& line : lines) {
    if (line.level == Level::error) CHECK(line.text == "app: failed\\x0a");
    access = access || (line.level == Level::info && line.text == "access: GET /path 200 0.000ms 0B - HTTP/1.1");
  }
  CHECK(access);
  // Nobody takes any more: it fills, and the other lines are counted.
  CHECK(eventually([&] {
    log.write(Level::info, "app", std::string(1000, 'x'));
    return log.dropped() > 10;
  }));
  log.stop(seconds{10});
  const auto rest = take_all(*settings.outbox);
  CHECK(rest.size() > 2);
  char told[4096];
  const ssize_t got = ::pread(file.get(), told, sizeof told, 0);
  REQUIRE(got > 0);
  const std::string_view text{told, static_cast<size_t>(got)};
  CHECK(text.find("WARN log: log lines were dropped because nobody took them: ") != std::string_view::npos);
  CHECK(text.find("xxxx") == std::string_view::npos);
}

}  // namespace hyperion::test
