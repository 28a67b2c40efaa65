// Prometheus' text, the labels in it, and the user's own metrics.
#include "observe/exposition.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "observe/label.hpp"
#include "observe/registry.hpp"

namespace hyperion::observe {

TEST_CASE("an exposition escapes what clients and users say") {
  std::string out;
  Exposition page{out};
  page.family("a_total", "counter", "Help \\ with\na line.");
  const Label labels[] = {{"path", "/a\"} 1\nforged_total 2\n\\"}};
  page.sample(labels, uint64_t{3});
  CHECK(out ==
        "# HELP a_total Help \\\\ with\\na line.\n"
        "# TYPE a_total counter\n"
        "a_total{path=\"/a\\\"} 1\\nforged_total 2\\n\\\\\"} 3\n");
}

TEST_CASE("an exposition's histogram is cumulative and ends with all") {
  std::string out;
  Exposition page{out};
  page.family("h", "histogram", "H.");
  const double edges[] = {0.00005, 0.5, 2};
  const uint64_t counts[] = {1, 0, 2, 1};
  page.histogram({}, edges, counts, 4.5);
  CHECK(out ==
        "# HELP h H.\n# TYPE h histogram\n"
        "h_bucket{le=\"5e-05\"} 1\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 4\n"
        "h_sum 4.5\nh_count 4\n");
}

TEST_CASE("numbers of an exposition") {
  const auto text = [](double value) {
    std::string out;
    Exposition::append_number(out, value);
    return out;
  };
  CHECK(text(0) == "0");
  CHECK(text(-1.5) == "-1.5");
  CHECK(text(std::numeric_limits<double>::infinity()) == "+Inf");
  CHECK(text(-std::numeric_limits<double>::infinity()) == "-Inf");
  CHECK(text(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  CHECK(text(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
}

TEST_CASE("a label is valid UTF-8 without control characters, cut between two of them") {
  CHECK(clean_label("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8d\x8a", 99) == "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8d\x8a");
  CHECK(clean_label("caf\xc3\xa9", 4) == "caf");
  CHECK(clean_label("a\nb\x7f\0c", 99) == "a?b?");
  CHECK(clean_label(std::string_view{"a\0c", 3}, 99) == "a?c");
  for (const std::string_view bad : {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    CHECK(clean_label(bad, 99).find_first_not_of('?') == std::string::npos);
  }
}

TEST_CASE("registry: counters, gauges and histograms appear in order, with their labels") {
  Registry registry;
  auto& plain = registry.define({.kind = Registry::Kind::counter, .name = "b_total", .help = "B."});
  auto& labelled = registry.define({.kind = Registry::Kind::gauge, .name = "a", .help = "A.", .labels = {"x", "y"}});
  auto& sizes = registry.define({.kind = Registry::Kind::histogram, .name = "s", .help = "S.", .edges = {1, 2}});
  registry.add(registry.series(plain, {}), 2);
  registry.add(registry.series(plain, {}), 0.5);
  const std::string values[] = {"1\"", "\xff"};
  registry.set(registry.series(labelled, values), -3);
  for (const double value : {1.0, 1.5, 9.0}) registry.observe(sizes, registry.series(sizes, {}), value);
  std::string out;
  registry.append_to(out);
  CHECK(out ==
        "# HELP b_total B.\n# TYPE b_total counter\nb_total 2.5\n"
        "# HELP a A.\n# TYPE a gauge\na{x=\"1\\\"\",y=\"?\"} -3\n"
        "# HELP s S.\n# TYPE s histogram\ns_bucket{le=\"1\"} 1\ns_bucket{le=\"2\"} 2\ns_bucket{le=\"+Inf\"} 3\n"
        "s_sum 11.5\ns_count 3\n");
}

TEST_CASE("registry: what is wrong with a definition is said") {
  Registry registry;
  using Kind = Registry::Kind;
  registry.define({.kind = Kind::counter, .name = "taken_total", .help = "T."});
  registry.define({.kind = Kind::histogram, .name = "h", .help = "H.", .edges = {1}});
  CHECK(registry.fault_of({.kind = Kind::counter, .name = "taken_total", .help = "T."}).empty());
  const Registry::Definition bad[] = {
      {.name = ""},
      {.name = "1a"},
      {.name = "a b"},
      {.name = "a\n# TYPE b counter"},
      {.name = "caf\xc3\xa9"},
      {.name = "hyperion_requests_total"},
      {.name = std::string(129, 'a')},
      {.kind = Kind::gauge, .name = "taken_total", .help = "T."},
      {.name = "taken_total", .help = "Other."},
      {.name = "a", .labels = {"b", "b"}},
      {.name = "a", .labels = {"__b"}},
      {.name = "a", .labels = {"b c"}},
      {.name = "a", .labels = std::vector<std::string>(17, "b")},
      {.kind = Kind::histogram, .name = "x", .labels = {"le"}, .edges = {1}},
      {.kind = Kind::histogram, .name = "x"},
      {.kind = Kind::histogram, .name = "x", .edges = {2, 1}},
      {.kind = Kind::histogram, .name = "x", .edges = {1, 1}},
      {.kind = Kind::histogram, .name = "x", .edges = {1, std::numeric_limits<double>::infinity()}},
      {.name = "h_count"},
  };
  for (const auto& definition : bad) CHECK_FALSE(registry.fault_of(definition).empty());
  registry.define({.kind = Kind::counter, .name = "y_sum", .help = "Y."});
  CHECK_FALSE(registry.fault_of({.kind = Kind::histogram, .name = "y", .help = "Y.", .edges = {1}}).empty());
}

TEST_CASE("registry: a flood of label values ends in one series") {
  Registry registry;
  auto& family = registry.define({.kind = Registry::Kind::counter, .name = "a_total", .help = "A.", .labels = {"x"}});
  for (int i = 0; i < 10'000; ++i) {
    const std::string values[] = {std::to_string(i)};
    registry.add(registry.series(family, values), 1);
  }
  std::string out;
  registry.append_to(out);
  CHECK(static_cast<size_t>(std::count(out.begin(), out.end(), '\n')) == Registry::kMostSeries + 3);
  CHECK(out.find("a_total{x=\"other\"} 9000\n") != std::string::npos);
}

TEST_CASE("registry: it is read while it is written") {
  Registry registry;
  std::atomic<bool> done{false};
  std::thread reader{[&] {
    while (!done) {
      std::string out;
      registry.append_to(out);
      if (!out.empty() && out.back() != '\n') FAIL_CHECK("half a line");
    }
  }};
  for (int f = 0; f < 20; ++f) {
    auto& family = registry.define({.kind = Registry::Kind::histogram,
                                    .name = "h" + std::to_string(f),
                                    .help = "H.",
                                    .labels = {"x"},
                                    .edges = {1, 2, 3}});
    for (int i = 0; i < 200; ++i) {
      const std::string values[] = {std::to_string(i % 20)};
      registry.observe(family, registry.series(family, values), i % 5);
    }
  }
  done = true;
  reader.join();
}

}  // namespace hyperion::observe
