// A trouble that comes often, in the log: with an injected clock.
#include "server/complaint.hpp"

#include <doctest/doctest.h>

#include "server/engine_rig.hpp"

namespace hyperion::test {
namespace {

using namespace std::chrono_literals;

size_t count(const std::string& text, std::string_view words) {
  size_t found = 0;
  for (size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("complaint: a line at once, then how often it came, then nothing") {
  LogFile file;
  observe::LogSettings settings;
  settings.out_fd = settings.error_fd = file.fd();
  observe::Log log{settings};
  REQUIRE(log.start());
  const base::Instant start = base::now();
  net::TimerWheel timers{start};
  server::Complaint complaint{timers, log.open_source(), "server", "trouble"};
  const auto advance = [&](base::Duration to) {
    timers.advance(start + to, [](net::Timer& timer) { static_cast<server::Alarm&>(timer).on_time(); });
  };
  complaint.happened(start, "the first");
  for (int i = 1; i <= 300; ++i) complaint.happened(start + i * 10ms, "another");
  advance(4s);
  CHECK(eventually([&] { return file.has("trouble: the first"); }));
  CHECK(count(file.text(), "trouble") == 1);
  advance(6s);
  CHECK(eventually([&] { return file.has("trouble: 300 times more in 5 s"); }));
  complaint.happened(start + 7s);  // silent still
  advance(20s);
  CHECK(eventually([&] { return file.has("trouble: 1 times more in 5 s"); }));
  CHECK(timers.empty());
  complaint.happened(start + 40s, "again");
  CHECK(eventually([&] { return file.has("trouble: again"); }));
  log.stop(1s);
  CHECK(count(file.text(), "trouble") == 4);
}

}  // namespace hyperion::test
