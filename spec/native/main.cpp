// The native tests' entry: doctest, with what every test may rely on. A hanging test ends the run with its name.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/fork_guard.hpp"
#include "net/loops.hpp"
#include "net/uring_probe.hpp"

namespace {

// No single test comes near it, in the slowest sanitizer either.
constexpr unsigned kMostSeconds = 120;

char current_test[256];

void too_long(int) {
  constexpr char kWord[] = "native_tests: this test takes too long: ";
  (void)!::write(2, kWord, sizeof kWord - 1);
  (void)!::write(2, current_test, std::strlen(current_test));
  (void)!::write(2, "\n", 1);
  ::_exit(99);
}

struct Watchdog final : doctest::IReporter {
  explicit Watchdog(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData& data) override {
    std::strncpy(current_test, data.m_name, sizeof current_test - 1);
    ::alarm(kMostSeconds);
  }
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override { ::alarm(0); }
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

DOCTEST_REGISTER_LISTENER("watchdog", 1, Watchdog);

}  // namespace

int main(int argc, char** argv) {
  // As in the server's threads: sendfile cannot be told not to raise it.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGALRM, too_long);
  hyperion::base::install_fork_guard();
  if (const auto probe = hyperion::net::probe_uring(); !probe.usable()) {
    std::printf("native_tests: io_uring is not tested: %s\n", probe.reason.c_str());
    const char* loop = std::getenv("HYPERION_LOOP");
    if (loop != nullptr && hyperion::net::loop_wish(loop) == hyperion::net::LoopWish::io_uring) return 0;
  }
  doctest::Context context{argc, argv};
  // Quiet when green, unless asked.
  if (argc == 1) context.setOption("minimal", true);
  return context.run();
}
