#include "ruby/rack/route_apps.hpp"

#include <atomic>
#include <unordered_set>
#include <utility>

#include "ruby/symbols.hpp"

namespace hyperion::ruby::rack {
namespace {

struct Gone {
  uint64_t number;
  Gone* next;
};

// A stack that is only ever taken whole, so nothing can go wrong with its links; and no lock that a fork could leave
// taken.
std::atomic<Gone*> gone_numbers{nullptr};

// Numbers whose routes are not gone yet. With the lock.
std::unordered_set<uint64_t>& alive() {
  static std::unordered_set<uint64_t> numbers;
  return numbers;
}

uint64_t last_number = 0;

// Number => entry; nil before the first one. A Hash, and not memory of ours: Ruby knows which of them are old and
// unchanged.
VALUE kept_by(VALUE table) { return rb_ivar_get(table, ids.kept); }

int drop_gone(VALUE number, VALUE, VALUE) { return alive().contains(NUM2ULL(number)) ? ST_CONTINUE : ST_DELETE; }

int add_kept(VALUE number, VALUE entry, VALUE kept) {
  rb_hash_aset(kept, number, entry);
  return ST_CONTINUE;
}

}  // namespace

uint64_t keep_route(VALUE table, VALUE entry) {
  VALUE kept = kept_by(table);
  if (NIL_P(kept)) rb_ivar_set(table, ids.kept, kept = rb_hash_new());
  const uint64_t number = ++last_number;
  rb_hash_aset(kept, ULL2NUM(number), entry);
  [&]() noexcept { alive().insert(number); }();
  return number;
}

void share_routes(VALUE table, VALUE other) {
  const VALUE theirs = kept_by(other);
  if (NIL_P(theirs)) return;
  // A copy has the Hash of its origin, as it has every variable: from now on each has its own.
  const VALUE own = NIL_P(kept_by(table)) ? rb_hash_new() : rb_hash_dup(kept_by(table));
  rb_hash_foreach(theirs, add_kept, own);
  rb_ivar_set(table, ids.kept, own);
}

void forget_gone_routes(VALUE table, size_t size, bool all) {
  const VALUE kept = kept_by(table);
  if (NIL_P(kept)) return;
  Gone* gone = gone_numbers.exchange(nullptr, std::memory_order_acquire);
  while (gone != nullptr) {
    alive().erase(gone->number);
    const uint64_t number = gone->number;
    delete std::exchange(gone, gone->next);
    rb_hash_delete(kept, ULL2NUM(number));
  }
  // Those that another table has found gone are looked for when they may be many.
  constexpr size_t kFew = 32;
  if (all || RHASH_SIZE(kept) > 2 * size + kFew) rb_hash_foreach(kept, drop_gone, 0);
}

VALUE route_entry(VALUE table, uint64_t number) {
  const VALUE kept = kept_by(table);
  return NIL_P(kept) ? Qnil : rb_hash_lookup(kept, ULL2NUM(number));
}

VALUE route_app(VALUE tables, uint64_t number) {
  for (long i = RARRAY_LEN(tables) - 1; i >= 0; --i) {
    const VALUE entry = route_entry(RARRAY_AREF(tables, i), number);
    if (!NIL_P(entry)) return rb_ivar_get(entry, ids.app);
  }
  rb_raise(rb_eRuntimeError, "the route of this request is gone");
}

void route_gone(uint64_t number) noexcept {
  auto* gone = new Gone{number, gone_numbers.load(std::memory_order_relaxed)};
  while (!gone_numbers.compare_exchange_weak(gone->next, gone, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

}  // namespace hyperion::ruby::rack
