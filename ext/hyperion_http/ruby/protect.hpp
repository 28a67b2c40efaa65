// Calls into Ruby that may raise. A Ruby exception is a longjmp that skips C++ destructors, so such calls run in a
// protected region whose locals are trivially destructible, and what was raised comes back as a value.
#pragma once

#include <type_traits>

#include "ruby/gvl.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace hyperion::ruby {

// How a protected region ended: 0, or Ruby's number for the kind of jump.
class [[nodiscard]] Outcome {
 public:
  explicit Outcome(int state) noexcept : state_(state) {}

  bool ok() const noexcept { return state_ == 0; }
  int state() const noexcept { return state_; }

 private:
  int state_;
};

// Runs `body()`; it may raise, throw (Ruby's) or be killed, and must capture nothing that needs a destructor.
template <class Body>
Outcome protect(const Gvl&, Body body) noexcept {
  static_assert(std::is_trivially_destructible_v<Body>, "a Ruby jump skips destructors");
  int state = 0;
  rb_protect(
      [](VALUE argument) -> VALUE {
        (*reinterpret_cast<Body*>(argument))();
        return Qnil;
      },
      reinterpret_cast<VALUE>(&body), &state);
#if defined(__SANITIZE_ADDRESS__)
  // Ruby is not instrumented: what its jumps skipped would stay marked as frames in use.
  if (state != 0) __asan_handle_no_return();
#endif
  return Outcome{state};
}

// Takes the exception of a failed region, and forgets it. nil when it was no exception: the thread is being killed, and
// that must go on (rb_jump_tag) once everything is in order.
inline VALUE take_exception(const Gvl&) noexcept {
  const VALUE error = rb_errinfo();  // a kill leaves an Integer there, a throw something internal
  if (RB_SPECIAL_CONST_P(error) || RB_BUILTIN_TYPE(error) == T_IMEMO) return Qnil;
  if (!RTEST(rb_obj_is_kind_of(error, rb_eException))) return Qnil;
  rb_set_errinfo(Qnil);
  return error;
}

}  // namespace hyperion::ruby
