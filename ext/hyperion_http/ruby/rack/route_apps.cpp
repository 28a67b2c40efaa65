#include "ruby/rack/route_apps.hpp"

#include <atomic>
#include <utility>
#include <vector>

namespace hyperion::ruby::rack {
namespace {

struct Gone {
  uint32_t number;
  Gone* next;
};

// A stack that is only ever taken whole, so nothing can go wrong with its links; and no lock that a fork could leave
// taken.
std::atomic<Gone*> gone_numbers{nullptr};

// Arrays, and not memory of ours: Ruby knows which of them are old and unchanged.
VALUE entries = Qnil;
VALUE apps = Qnil;

std::vector<uint32_t>& free_numbers() {
  static std::vector<uint32_t> numbers;
  return numbers;
}

void forget_gone() {
  Gone* gone = gone_numbers.exchange(nullptr, std::memory_order_acquire);
  while (gone != nullptr) {
    rb_ary_store(entries, gone->number, Qnil);
    rb_ary_store(apps, gone->number, Qnil);
    [&]() noexcept { free_numbers().push_back(gone->number); }();
    delete std::exchange(gone, gone->next);
  }
}

}  // namespace

void init_route_apps() {
  rb_gc_register_address(&entries);
  rb_gc_register_address(&apps);
  entries = rb_ary_new();
  apps = rb_ary_new();
}

uint32_t keep_route(VALUE entry, VALUE app) {
  forget_gone();
  auto number = static_cast<uint32_t>(RARRAY_LEN(entries));
  if (!free_numbers().empty()) {
    number = free_numbers().back();
    free_numbers().pop_back();
  }
  rb_ary_store(entries, number, entry);
  rb_ary_store(apps, number, app);
  return number;
}

VALUE route_entry(uint32_t number) noexcept { return RARRAY_AREF(entries, number); }

VALUE route_app(uint32_t number) noexcept { return RARRAY_AREF(apps, number); }

void route_gone(uint32_t number) noexcept {
  auto* gone = new Gone{number, gone_numbers.load(std::memory_order_relaxed)};
  while (!gone_numbers.compare_exchange_weak(gone->next, gone, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

}  // namespace hyperion::ruby::rack
