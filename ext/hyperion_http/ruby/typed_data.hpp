// Ruby objects with a native half. The half holds no VALUE unless its type says how to mark them.
#pragma once

#include "base/fork_guard.hpp"
#include "ruby/entry.hpp"

namespace hyperion::ruby {

// `Half`: default-constructible. `Traits::name`, and where needed `Traits::mark(Half&)`.
template <class Half, class Traits>
class TypedData {
 public:
  static VALUE allocate(VALUE klass) {
    VALUE object = TypedData_Wrap_Struct(klass, &kType, nullptr);
    auto* box = new (std::nothrow) Box;
    if (box == nullptr) rb_memerror();
    DATA_PTR(object) = box;
    return object;
  }

  // The half of `self`. Raises TypeError for an object of another class.
  static Half& of(const Gvl& gvl, VALUE self) {
    void* box = nullptr;
    checked(gvl, [&box, self] { box = rb_check_typeddata(self, &kType); });
    return static_cast<Box*>(box)->half;
  }
  // Whether `self` was made before a fork: its half is the parent's, and must not be touched.
  static bool foreign(VALUE self) noexcept {
    return static_cast<Box*>(DATA_PTR(self))->owner != base::fork_generation();
  }
  // For an object that is known to be of the class.
  static Half& trusted(VALUE self) noexcept { return static_cast<Box*>(DATA_PTR(self))->half; }

 private:
  struct Box {
    Half half;
    // A native half belongs to the process that made it. A forked child leaks it: its locks may be held, its threads
    // do not exist, and destroying a condition variable with waiters hangs.
    unsigned owner = base::fork_generation();
  };

  static void mark(void* pointer) {
    if constexpr (requires(Half & half) { Traits::mark(half); }) {
      if (pointer != nullptr) Traits::mark(static_cast<Box*>(pointer)->half);
    }
  }
  static void free(void* pointer) {
    auto* box = static_cast<Box*>(pointer);
    if (box != nullptr && box->owner == base::fork_generation()) delete box;
  }
  static size_t size(const void*) { return sizeof(Box); }

  static constexpr rb_data_type_t kType = {
      .wrap_struct_name = Traits::name,
      .function = {.dmark = mark, .dfree = free, .dsize = size, .dcompact = nullptr, .reserved = {}},
      .parent = nullptr,
      .data = nullptr,
      .flags = RUBY_TYPED_FREE_IMMEDIATELY,
  };
};

}  // namespace hyperion::ruby
