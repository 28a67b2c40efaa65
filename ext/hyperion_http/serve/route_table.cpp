#include "serve/route_table.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace hyperion::serve {
namespace {

constexpr size_t kFirstSlots = 16;

// Keys come from whoever writes the application: it need not withstand an attack, only spread them.
uint64_t mix(uint64_t hash, uint64_t word) noexcept {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
  return hash ^ (hash >> 29);
}

uint64_t mix(uint64_t hash, std::string_view bytes) noexcept {
  uint64_t word = 0;
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
    std::memcpy(&word, at, sizeof word);
    hash = mix(hash, word);
  }
  word = 0;
  std::memcpy(&word, at, left);
  return mix(mix(hash, word), bytes.size());
}

}  // namespace

RouteTable::RouteTable(uint64_t hash_bits) : hash_bits_(hash_bits) {
  all_slots_.push_back(std::make_unique<const Slots>(kFirstSlots));
  slots_.store(all_slots_.back().get(), std::memory_order_release);
}

RouteTable::~RouteTable() {
  HYPERION_ASSERT(readers_.empty());
  const Slots& table = *slots_.load(std::memory_order_relaxed);
  for (size_t i = 0; i <= table.mask; ++i) {
    if (const Route* route = table.slots[i].route.load(std::memory_order_relaxed)) route->release();
  }
  for (const Route* route : retired_) route->release();
}

bool RouteTable::matches(const Route& route, const Key& key) noexcept {
  if (route.method != key.method || route.path != key.path) return false;
  return key.method != http::Method::other || route.method_name == key.method_name;
}

uint64_t RouteTable::hash_of(const Key& key) const noexcept {
  const auto method = static_cast<uint64_t>(key.method);
  const uint64_t start = key.method == http::Method::other ? mix(method, key.method_name) : method;
  return mix(start, key.path) & hash_bits_;
}

// --- Readers ---

const Route* RouteTable::find(const http::Request& request, const Reader& reader) const noexcept {
  if (size_.load(std::memory_order_relaxed) == 0) return nullptr;
  Key key{request.method, request.view(request.method_name), request.view(request.path)};
  if (key.path.size() > longest_.load(std::memory_order_relaxed)) return nullptr;
  const Route* route = find(key, reader);
  if (route != nullptr || request.method != http::Method::head) return route;
  key.method = http::Method::get;
  return find(key, reader);
}

const Route* RouteTable::find(const Key& key, const Reader& reader) const noexcept {
  while (true) {
    bool again = false;
    const Route* route = find(key, *slots_.load(std::memory_order_acquire), reader, again);
    if (!again) return route;
  }
}

const Route* RouteTable::find(const Key& key, const Slots& table, const Reader& reader, bool& again) const noexcept {
  const uint64_t wanted = hash_of(key);
  for (size_t at = wanted & table.mask;; at = (at + 1) & table.mask) {
    const Slot& slot = table.slots[at];
    const Route* route = slot.route.load(std::memory_order_acquire);
    if (route == nullptr) return nullptr;
    if (slot.hash.load(std::memory_order_relaxed) != wanted) continue;
    // What this thread used last is still there, announced and all: the hot route costs no locked instruction.
    if (reader.using_.load(std::memory_order_relaxed) != route) {
      reader.using_.store(route, std::memory_order_seq_cst);
      // Announced too late when it has been taken out meanwhile, of the slot or with the whole array.
      if (slot.route.load(std::memory_order_seq_cst) != route || slots_.load(std::memory_order_seq_cst) != &table) {
        reader.using_.store(nullptr, std::memory_order_relaxed);
        again = true;
        return nullptr;
      }
    }
    if (matches(*route, key)) return route;
  }
}

// --- Writers ---

// The slot of the route with that key, or the free one where it belongs.
RouteTable::Slot& RouteTable::place(const Slots& table, const Key& key, uint64_t hash) const noexcept {
  size_t at = hash & table.mask;
  while (const Route* route = table.slots[at].route.load(std::memory_order_relaxed)) {
    if (table.slots[at].hash.load(std::memory_order_relaxed) == hash && matches(*route, key)) break;
    at = (at + 1) & table.mask;
  }
  return table.slots[at];
}

void RouteTable::put(RouteRef route) {
  const std::lock_guard lock{mutex_};
  put_locked(std::move(route));
  sweep();
}

void RouteTable::put_locked(RouteRef route) {
  const Key key{route->method, route->method_name, route->path};
  const uint64_t hash = hash_of(key);
  if (key.path.size() > longest_.load(std::memory_order_relaxed)) {
    longest_.store(key.path.size(), std::memory_order_relaxed);
  }
  Slot* slot = &place(*slots_.load(std::memory_order_relaxed), key, hash);
  if (slot->route.load(std::memory_order_relaxed) != nullptr) {
    return retire(slot->route.exchange(route.release(), std::memory_order_seq_cst));
  }
  const size_t size = size_.load(std::memory_order_relaxed) + 1;
  if (size * 2 > slots_.load(std::memory_order_relaxed)->mask + 1) {
    grow();
    slot = &place(*slots_.load(std::memory_order_relaxed), key, hash);
  }
  slot->hash.store(hash, std::memory_order_relaxed);
  slot->route.store(route.release(), std::memory_order_release);
  size_.store(size, std::memory_order_relaxed);
}

void RouteTable::grow() {
  const Slots& old = *slots_.load(std::memory_order_relaxed);
  auto larger = std::make_unique<const Slots>((old.mask + 1) * 2);
  for (size_t i = 0; i <= old.mask; ++i) {
    const Route* route = old.slots[i].route.load(std::memory_order_relaxed);
    if (route == nullptr) continue;
    const uint64_t hash = old.slots[i].hash.load(std::memory_order_relaxed);
    size_t at = hash & larger->mask;
    while (larger->slots[at].route.load(std::memory_order_relaxed) != nullptr) at = (at + 1) & larger->mask;
    larger->slots[at].hash.store(hash, std::memory_order_relaxed);
    larger->slots[at].route.store(route, std::memory_order_relaxed);
  }
  all_slots_.push_back(std::move(larger));
  slots_.store(all_slots_.back().get(), std::memory_order_seq_cst);
}

void RouteTable::retire(const Route* route) { retired_.push_back(route); }

// Lets go of what nobody has announced.
void RouteTable::sweep() noexcept {
  std::erase_if(retired_, [this](const Route* route) {
    const bool used = std::any_of(readers_.begin(), readers_.end(), [=](const Reader* reader) {
      return reader->using_.load(std::memory_order_seq_cst) == route;
    });
    if (!used) route->release();
    return !used;
  });
}

void RouteTable::clear() {
  const std::lock_guard lock{mutex_};
  const Slots& table = *slots_.load(std::memory_order_relaxed);
  size_.store(0, std::memory_order_relaxed);
  for (size_t i = 0; i <= table.mask; ++i) {
    if (const Route* route = table.slots[i].route.exchange(nullptr, std::memory_order_seq_cst)) retire(route);
  }
  sweep();
}

void RouteTable::add(const RouteTable& other) {
  std::vector<RouteRef> routes = other.all();
  const std::lock_guard lock{mutex_};
  for (RouteRef& route : routes) put_locked(std::move(route));
  sweep();
}

RouteTable::RouteRef RouteTable::get(std::string_view method, std::string_view path) const {
  const Key key{http::method_of(method), method, path};
  const std::lock_guard lock{mutex_};
  const Slot& slot = place(*slots_.load(std::memory_order_relaxed), key, hash_of(key));
  return RouteRef::share(slot.route.load(std::memory_order_relaxed));
}

std::vector<RouteTable::RouteRef> RouteTable::all() const {
  const std::lock_guard lock{mutex_};
  std::vector<RouteRef> routes;
  const Slots& table = *slots_.load(std::memory_order_relaxed);
  for (size_t i = 0; i <= table.mask; ++i) {
    if (const Route* route = table.slots[i].route.load(std::memory_order_relaxed)) {
      routes.push_back(RouteRef::share(route));
    }
  }
  return routes;
}

void RouteTable::attach(Reader& reader) {
  const std::lock_guard lock{mutex_};
  readers_.push_back(&reader);
}

void RouteTable::detach(Reader& reader) noexcept {
  const std::lock_guard lock{mutex_};
  std::erase(readers_, &reader);
  reader.using_.store(nullptr, std::memory_order_relaxed);
  sweep();
}

}  // namespace hyperion::serve
