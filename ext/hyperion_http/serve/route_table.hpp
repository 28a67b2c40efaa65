// Routes by exact method and path. Read by I/O threads without a lock while Ruby threads register; a look-up costs the
// same with one route and with ten thousand, and nothing with none.
//
//   slots_ -> [hash|route] [hash|-] [hash|route] ...   open addressing, at most half full, never shrinks
//
// A reader announces the route that it is about to use (Reader), then looks whether it still stands there. A writer
// first takes a route out, then looks who has announced it: a route that somebody uses waits in `retired_`.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/cache_line.hpp"
#include "base/counted.hpp"
#include "serve/route.hpp"

namespace hyperion::serve {

class RouteTable {
 public:
  using RouteRef = base::Ref<const Route>;

  // One I/O thread's: the route that it found last stays valid until it looks again.
  class alignas(base::kCacheLine) Reader {
   private:
    friend class RouteTable;
    mutable std::atomic<const Route*> using_{nullptr};
  };

  // `hash_bits`: those that count; fewer only in tests, where everything is to collide.
  explicit RouteTable(uint64_t hash_bits = UINT64_MAX);
  ~RouteTable();
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  // --- Any thread ---

  // Takes the place of the route with that method and path, if there is one.
  void put(RouteRef route);
  RouteRef get(std::string_view method, std::string_view path) const;
  std::vector<RouteRef> all() const;
  size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  void clear();
  // Also has the routes of `other`, which are shared.
  void add(const RouteTable& other);

  // Before the first `find` and after the last one of a thread. The table does not own the reader.
  void attach(Reader& reader);
  void detach(Reader& reader) noexcept;

  // --- An I/O thread, with a reader of its own ---

  // Null when there is none. HEAD is answered by a route for GET when it has none of its own.
  const Route* find(const http::Request& request, const Reader& reader) const noexcept;

 private:
  struct Slot {
    // A filter only; written before the route.
    std::atomic<uint64_t> hash{0};
    std::atomic<const Route*> route{nullptr};
  };
  struct Slots {
    explicit Slots(size_t count) : mask(count - 1), slots(std::make_unique<Slot[]>(count)) {}
    size_t mask;
    std::unique_ptr<Slot[]> slots;
  };
  struct Key {
    http::Method method;
    std::string_view method_name;
    std::string_view path;
  };

  static bool matches(const Route& route, const Key& key) noexcept;
  uint64_t hash_of(const Key& key) const noexcept;
  const Route* find(const Key& key, const Reader& reader) const noexcept;
  const Route* find(const Key& key, const Slots& table, const Reader& reader, bool& again) const noexcept;
  Slot& place(const Slots& table, const Key& key, uint64_t hash) const noexcept;
  void put_locked(RouteRef route);
  void grow();
  void retire(const Route* route);
  void sweep() noexcept;

  const uint64_t hash_bits_;
  std::atomic<const Slots*> slots_;
  std::atomic<size_t> size_{0};
  // No path is longer: what a client makes long is not even hashed.
  std::atomic<size_t> longest_{0};

  mutable std::mutex mutex_;  // guards the rest, and writing
  // Also those that were outgrown: a reader may be in one of them. Together they are no larger than the last.
  std::vector<std::unique_ptr<const Slots>> all_slots_;
  std::vector<const Reader*> readers_;
  std::vector<const Route*> retired_;
};

}  // namespace hyperion::serve
