// What the user's templater has said, for one I/O thread: path -> id of its shape, bounded; the oldest of a few gives
// way. The I/O thread's alone.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "observe/paths.hpp"
#include "observe/template_queue.hpp"

namespace hyperion::observe {

class TemplateCache {
 public:
  // Paths that are remembered.
  static constexpr size_t kMost = 4096;

  TemplateCache(TemplateQueue& queue, Paths& paths, unsigned io_thread)
      : queue_(queue), paths_(paths), io_thread_(io_thread), sets_(kMost / kWays) {}

  // Other until the templater has answered. `ask`: whether it is to be asked.
  Paths::Id find(std::string_view path, bool ask);

 private:
  static constexpr size_t kWays = 4;

  struct Entry {
    std::string path;
    Paths::Id id = Paths::kOther;
  };
  struct Set {
    std::array<Entry, kWays> entries;
    size_t oldest = 0;
  };

  Set& set_of(std::string_view path) noexcept;
  static Entry* entry_of(Set& set, std::string_view path) noexcept;
  void learn();

  TemplateQueue& queue_;
  Paths& paths_;
  const unsigned io_thread_;
  std::vector<Set> sets_;
};

}  // namespace hyperion::observe
