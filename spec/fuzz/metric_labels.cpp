// What a client says and a page of metrics shows: X-Request-Start, paths and their shapes, label values. Whatever the
// bytes, a page stays one, line by line.
#include <algorithm>
#include <memory>
#include <string>

#include "input.hpp"
#include "observe/exposition.hpp"
#include "observe/label.hpp"
#include "observe/path_template.hpp"
#include "observe/request_start.hpp"

using namespace hyperion;
using fuzz::require;

namespace {

void check_request_start(std::string_view value) {
  constexpr int64_t kNow = 1'700'000'000'000'000;
  const auto start = observe::parse_request_start(value);
  // Seconds of ten digits: from 0 to 9,999,999,999.999999.
  if (start) require(*start >= 0 && *start < 10'000'000'000'000'000, "a time within ten digits of seconds");
  const auto queued = observe::queued_since(value, kNow);
  if (queued) {
    require(queued->count() >= 0 && *queued <= observe::kLongestQueue, "a queue time within its bounds");
  }
}

void check_path(std::string_view path, observe::Paths& paths) {
  observe::PathTemplate made;
  const std::string_view shape = made.of(path);
  require(shape.size() <= observe::Paths::kLongest, "a shape within its bound");
  require(std::all_of(shape.begin(), shape.end(), [](char c) { return c > ' ' && c < 0x7f; }), "printable ASCII");
  const std::string copy{shape};
  // The shape of a shape is itself, but for what was escaped into something longer.
  observe::PathTemplate again;
  if (path.find_first_not_of("/abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string_view::npos) {
    require(again.of(copy) == copy, "one shape");
  }
  const auto id = paths.intern(copy);
  if (id != observe::Paths::kOther) require(paths.text(id) == copy && paths.find(copy) == id, "known by its text");
  require(paths.size() <= observe::Paths::kMost, "a bounded table");
}

void check_label(std::string_view value, size_t most) {
  const std::string clean = observe::clean_label(value, most);
  require(clean.size() <= most, "a label within its bound");
  require(observe::clean_label(clean, most) == clean, "clean is clean");
  std::string page;
  observe::Exposition exposition{page};
  exposition.family("a_total", "counter", value);
  const observe::Label labels[] = {{"x", clean}, {"y", value}};
  exposition.sample(labels, uint64_t{1});
  require(std::count(page.begin(), page.end(), '\n') == 3, "three lines, whatever is said in them");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input{data, size};
  const size_t most = input.byte();
  const auto paths = std::make_unique<observe::Paths>();
  check_request_start(input.rest());
  check_label(input.rest(), most);
  while (!input.empty()) check_path(input.text(), *paths);
  return 0;
}
