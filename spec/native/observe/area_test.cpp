// The numbers in memory that somebody else gives: histograms, durations by their labels, and what readers make of them.
#include "observe/area.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "observe/snapshot.hpp"

namespace hyperion::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

uint64_t buckets_up_to(const HistogramSum& sum, uint64_t nanos) {
  uint64_t count = 0;
  for (size_t i = 0; i < kEdges.size() && kEdges[i] <= nanos; ++i) count += sum.buckets[i];
  return count;
}

}  // namespace

TEST_CASE("a histogram counts what is equal to an edge below it, and has five edges and more below 5 ms") {
  size_t low = 0;
  for (const uint64_t edge : kEdges) low += edge < 5'000'000 ? 1 : 0;
  CHECK(low >= 5);
  Histogram histogram;
  histogram.observe(microseconds{100});
  histogram.observe(microseconds{101});
  histogram.observe(seconds{100});
  histogram.observe(seconds{-1});
  HistogramSum sum;
  sum.add(histogram);
  CHECK(buckets_up_to(sum, 50'000) == 1);
  CHECK(buckets_up_to(sum, 100'000) == 2);
  CHECK(buckets_up_to(sum, 250'000) == 3);
  CHECK(sum.buckets.back() == 1);
  CHECK(sum.count() == 4);
  CHECK(sum.nanos == 100'000'201'000);
}

TEST_CASE("durations: each combination apart, up to a bound, and then without the path") {
  PrivateArea area{1};
  Durations& durations = area.get().shards()[0].durations;
  Paths& paths = area.get().common().paths;
  for (int i = 0; i < 600; ++i) {
    const Paths::Id path = paths.intern("/" + std::to_string(i));
    for (const int status : {200, 404, 500}) {
      durations.observe({.method = http::Method::get, .path = path, .status = status_index(status)}, microseconds{1});
    }
  }
  const auto all = Snapshot{area.get()}.durations();
  CHECK(all.size() <= Durations::kMost + 1);
  uint64_t count = 0;
  for (const auto& series : all) count += series.durations.count();
  CHECK(count == 1800);
}

TEST_CASE("durations: any method with any status ends in a bound, too") {
  PrivateArea area{1};
  Durations& durations = area.get().shards()[0].durations;
  for (int method = 0; method <= static_cast<int>(http::Method::other); ++method) {
    for (int status = 0; status < 700; ++status) {
      durations.observe({.method = static_cast<http::Method>(method), .status = status_index(status)}, microseconds{1});
    }
  }
  const auto all = Snapshot{area.get()}.durations();
  CHECK(all.size() <= Durations::kMost + 1);
  uint64_t count = 0;
  for (const auto& series : all) count += series.durations.count();
  CHECK(count == 7000);
}

TEST_CASE("a snapshot adds the shards up, label by label") {
  PrivateArea area{3};
  Paths& paths = area.get().common().paths;
  for (Shard& shard : area.get().shards()) {
    shard.counters.requests.add(2);
    shard.statuses[status_index(204)].add();
    shard.durations.observe({.method = http::Method::get, .path = paths.intern("/b"), .status = status_index(200)},
                            microseconds{1});
  }
  area.get().shards()[1].durations.observe(
      {.method = http::Method::post, .path = paths.intern("/a"), .status = status_index(201)}, microseconds{1});
  const Snapshot snapshot{area.get()};
  CHECK(snapshot.total(&Counters::requests) == 6);
  CHECK(snapshot.status(status_index(204)) == 3);
  const auto durations = snapshot.durations();
  REQUIRE(durations.size() == 2);
  CHECK(paths.text(durations[0].labels.path) == "/a");
  CHECK(durations[0].durations.count() == 1);
  CHECK(paths.text(durations[1].labels.path) == "/b");
  CHECK(durations[1].durations.count() == 3);
}

TEST_CASE("an area may lie in memory that processes share") {
  const size_t size = Area::bytes_for(2);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  const Area area = Area::make(memory, 2);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Shard& shard = area.shards()[1];
    shard.counters.requests.add(7);
    shard.durations.observe({.path = area.common().paths.intern("/child")}, microseconds{1});
    ::_exit(0);
  }
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  const Snapshot snapshot{area};
  CHECK(snapshot.total(&Counters::requests) == 7);
  REQUIRE(snapshot.durations().size() == 1);
  CHECK(area.common().paths.text(snapshot.durations()[0].labels.path) == "/child");
  ::munmap(memory, size);
}

}  // namespace hyperion::observe
