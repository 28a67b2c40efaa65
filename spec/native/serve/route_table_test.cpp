// serve::RouteTable: exact keys, whatever their hashes; readers that take no lock while writers change everything.
#include "serve/route_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "http1/cpu_time.hpp"
#include "requests.hpp"
#include "support/waiting.hpp"

namespace hyperion::test {
namespace {

using serve::Route;
using serve::RouteTable;

std::atomic<int> gone_count{0};
void count_gone(uint64_t) noexcept { ++gone_count; }

// One reader of a table.
class Finder {
 public:
  explicit Finder(RouteTable& table) : table_(table) { table_.attach(reader_); }
  ~Finder() { table_.detach(reader_); }
  Finder(const Finder&) = delete;
  Finder& operator=(const Finder&) = delete;

  const Route* find(std::string_view method, std::string_view target) {
    fill(request_, method, target);
    return find();
  }
  // The request that was asked for last, once more.
  const Route* find() { return table_.find(request_, reader_); }
  // Its number; 0: none.
  uint64_t number(std::string_view method, std::string_view target) {
    const Route* route = find(method, target);
    return route == nullptr ? 0 : route->number;
  }

 private:
  RouteTable& table_;
  RouteTable::Reader reader_;
  http::Request request_;
};

std::string path_of(int number) { return "/resource/" + std::to_string(number); }

// All bits of the hash, a few, none: then every look-up is a search.
constexpr std::array<uint64_t, 3> kHashBits = {UINT64_MAX, 3, 0};

}  // namespace

TEST_CASE("route table: method and path are compared byte for byte, the query is not") {
  for (const uint64_t bits : kHashBits) {
    CAPTURE(bits);
    RouteTable table{bits};
    Finder finder{table};
    CHECK(finder.number("GET", "/") == 0);
    table.put(block("GET", "/a", 1));
    table.put(block("POST", "/a", 2));
    table.put(block("GET", "/a/", 3));
    table.put(block("PURGE", "/a", 4));
    table.put(block("OPTIONS", "*", 5));
    table.put(block("GET", "/", 6));
    table.put(block("REPORT", "/a", 7));
    CHECK(table.size() == 7);
    CHECK(finder.number("GET", "/a") == 1);
    CHECK(finder.number("GET", "/a?b=/c?d") == 1);
    CHECK(finder.number("GET", "/a?") == 1);
    CHECK(finder.number("GET", "http://host/a?b") == 1);
    CHECK(finder.number("POST", "/a") == 2);
    CHECK(finder.number("GET", "/a/") == 3);
    CHECK(finder.number("PURGE", "/a") == 4);
    CHECK(finder.number("REPORT", "/a") == 7);
    CHECK(finder.number("OPTIONS", "*") == 5);
    CHECK(finder.number("GET", "http://host") == 6);
    for (const std::string_view other : {"/A", "/b", "/a//", "/%61", "/a;x", "/aa", "/a%3Fb", "//a", "/./a"}) {
      CAPTURE(other);
      CHECK(finder.number("GET", other) == 0);
    }
    CHECK(finder.number("PUT", "/a") == 0);
    CHECK(finder.number("purge", "/a") == 0);
    CHECK(finder.number("PURG", "/a") == 0);
    CHECK(finder.number("GET", "/" + std::string(5000, 'a')) == 0);
  }
}

TEST_CASE("route table: HEAD is a route for GET's, unless it has its own") {
  for (const uint64_t bits : kHashBits) {
    CAPTURE(bits);
    RouteTable table{bits};
    Finder finder{table};
    table.put(block("GET", "/a", 1));
    table.put(block("HEAD", "/b", 2));
    CHECK(finder.number("HEAD", "/a") == 1);
    CHECK(finder.number("HEAD", "/b") == 2);
    CHECK(finder.number("GET", "/b") == 0);
    table.put(block("HEAD", "/a", 3));
    CHECK(finder.number("HEAD", "/a") == 3);
    CHECK(finder.number("GET", "/a") == 1);
  }
}

TEST_CASE("route table: the last registration wins, and the one before goes when nobody uses it") {
  for (const uint64_t bits : kHashBits) {
    CAPTURE(bits);
    gone_count = 0;
    {
      RouteTable table{bits};
      table.put(block("GET", "/a", 1, count_gone));
      table.put(fixed("GET", "/a", "two", "", 2, count_gone));
      CHECK(table.size() == 1);
      CHECK(gone_count == 1);
      const auto held = table.get("GET", "/a");
      REQUIRE(held);
      CHECK(held->number == 2);
      table.put(block("GET", "/a", 3, count_gone));
      CHECK(gone_count == 1);
      CHECK(table.get("GET", "/a")->number == 3);
      CHECK(held->fixed->body == "two");
    }
    CHECK(gone_count == 3);
  }
}

TEST_CASE("route table: what a thread has found stays until it looks again") {
  gone_count = 0;
  RouteTable table;
  Finder finder{table};
  table.put(fixed("GET", "/a", "first", "", 1, count_gone));
  table.put(block("GET", "/b", 2));
  const Route* found = finder.find("GET", "/a");
  REQUIRE(found != nullptr);
  SUBCASE("it is replaced") { table.put(fixed("GET", "/a", "second", "", 3, count_gone)); }
  SUBCASE("all are removed") { table.clear(); }
  SUBCASE("the table grows meanwhile") {
    for (int i = 0; i < 100; ++i) table.put(block("GET", path_of(i), 10));
    table.put(fixed("GET", "/a", "second", "", 3, count_gone));
  }
  CHECK(gone_count == 0);
  CHECK(found->fixed->body == "first");
  const Route* next = finder.find("GET", "/a");
  CHECK((next == nullptr || next->number == 3));
  table.put(block("GET", "/b", 4));
  CHECK(finder.number("GET", "/b") == 4);
  table.put(block("GET", "/c", 5));
  CHECK(gone_count == 1);
}

TEST_CASE("route table: it grows, is listed, copied and cleared") {
  constexpr int kRoutes = 1000;
  for (const uint64_t bits : kHashBits) {
    CAPTURE(bits);
    gone_count = 0;
    {
      RouteTable table{bits};
      for (int i = 1; i <= kRoutes; ++i) {
        table.put(block(i % 2 == 0 ? "GET" : "POST", path_of(i), static_cast<uint64_t>(i), count_gone));
      }
      CHECK(table.size() == kRoutes);
      Finder finder{table};
      int wrong = 0;
      for (int i = 1; i <= kRoutes; ++i) {
        if (finder.number(i % 2 == 0 ? "GET" : "POST", path_of(i)) != static_cast<uint64_t>(i)) ++wrong;
      }
      CHECK(wrong == 0);

      RouteTable copy;
      copy.put(block("GET", path_of(2), 5000, count_gone));
      copy.put(block("GET", "/own", 5001, count_gone));
      copy.add(table);
      CHECK(copy.size() == kRoutes + 1);
      CHECK(copy.get("GET", path_of(2))->number == 2);
      std::set<uint64_t> numbers;
      for (const auto& route : copy.all()) numbers.insert(route->number);
      CHECK(numbers.size() == kRoutes + 1);

      table.clear();
      CHECK(table.size() == 0);
      CHECK(table.all().empty());
      CHECK(finder.number("GET", path_of(2)) == 0);
      CHECK_FALSE(table.get("GET", path_of(2)));
      CHECK(copy.size() == kRoutes + 1);
      CHECK(gone_count == 1);
      table.put(block("GET", "/new", 6000));
      CHECK(finder.number("GET", "/new") == 6000);
    }
    CHECK(gone_count == kRoutes + 2);
  }
}

TEST_CASE("route table: a look-up costs the same with one route and with ten thousand") {
  constexpr int kRoutes = 10'000;
  constexpr int kRounds = 100'000;
  RouteTable small;
  RouteTable large;
  small.put(block("GET", path_of(77), 77));
  for (int i = 0; i < kRoutes; ++i) large.put(block("GET", path_of(i), static_cast<uint64_t>(i)));
  const auto cost = [&](RouteTable& table, std::string_view target) {
    Finder finder{table};
    (void)finder.find("GET", target);
    double best = 1e9;
    for (int round = 0; round < 5; ++round) {
      const double before = cpu_seconds();
      for (int i = 0; i < kRounds; ++i) (void)finder.find();
      best = std::min(best, cpu_seconds() - before);
    }
    return best;
  };
  // Generous: a search would take a thousand times as long.
  CHECK(cost(large, path_of(77)) < 10 * cost(small, path_of(77)));
  CHECK(cost(large, "/none") < 10 * cost(small, "/none"));
}

// Readers that always see a route of the right key, whole, while writers replace, remove and add. TSan and ASan watch.
TEST_CASE("route table: readers beside writers") {
  constexpr int kPaths = 40;
  constexpr int kReaders = 3;
  const int rounds = 3000;
  for (const uint64_t bits : kHashBits) {
    CAPTURE(bits);
    gone_count = 0;
    std::atomic<int> made{0};
    {
      RouteTable table{bits};
      std::atomic<bool> over{false};
      std::atomic<int> wrong{0};
      std::atomic<int> seen{0};
      const auto read = [&] {
        Finder finder{table};
        std::vector<http::Request> requests(kPaths);
        for (int i = 0; i < kPaths; ++i) {
          fill(requests[static_cast<size_t>(i)], i % 2 == 0 ? "GET" : "HEAD", path_of(i));
        }
        RouteTable::Reader reader;
        table.attach(reader);
        for (size_t i = 0; !over; i = (i + 1) % kPaths) {
          const Route* route = table.find(requests[i], reader);
          if (route == nullptr) continue;
          ++seen;
          const std::string path = path_of(static_cast<int>(i));
          if (route->path != path || route->fixed->body != path) ++wrong;
          // Kept over the look-ups that follow, as an exchange keeps it.
          const auto held = base::Ref<const Route>::share(route);
          (void)table.find(requests[(i + 7) % kPaths], reader);
          if (held->fixed->full.body != path) ++wrong;
        }
        table.detach(reader);
      };
      const auto write = [&](int number) {
        for (int i = 0; i < rounds; ++i) {
          const std::string path = path_of((i * 7 + number) % kPaths);
          ++made;
          table.put(fixed("GET", path, path, i % 3 == 0 ? "\"e\"" : "", 1, count_gone));
          if (i % 500 == 499) table.clear();
        }
      };
      std::vector<std::thread> readers;
      for (int i = 0; i < kReaders; ++i) readers.emplace_back(read);
      std::thread first{write, 0};
      std::thread second{write, 3};
      first.join();
      second.join();
      for (int i = 0; i < kPaths; ++i) {
        ++made;
        table.put(fixed("GET", path_of(i), path_of(i), "", 1, count_gone));
      }
      CHECK(eventually([&] { return seen > kPaths; }));
      over = true;
      for (std::thread& reader : readers) reader.join();
      CHECK(wrong == 0);
    }
    CHECK(gone_count == made);
  }
}

}  // namespace hyperion::test
