// Ruby's lock as a parameter. What needs it takes `const Gvl&`, what must not hold it takes `const NoGvl&`, and only
// the boundary (ruby/entry.hpp and without_gvl) makes these tokens, so a wrong call does not compile. The proofs are in
// spec/must_not_compile/.
#pragma once

#include <ruby.h>
#include <ruby/thread.h>

#include <memory>
#include <optional>
#include <type_traits>

#include "base/assert.hpp"

extern "C" int ruby_thread_has_gvl_p(void);  // exported by Ruby, but in no header

namespace hyperion::ruby {

class Boundary;

// This thread holds the lock.
class Gvl {
 public:
  Gvl(const Gvl&) = delete;
  Gvl& operator=(const Gvl&) = delete;

 private:
  friend class Boundary;
  Gvl() noexcept { HYPERION_ASSERT(ruby_thread_has_gvl_p() != 0); }
};

// This thread has given the lock away: no VALUE may be touched.
class NoGvl {
 public:
  NoGvl(const NoGvl&) = delete;
  NoGvl& operator=(const NoGvl&) = delete;

 private:
  friend class Boundary;
  NoGvl() noexcept { HYPERION_ASSERT(ruby_thread_has_gvl_p() == 0); }
};

// The only maker of tokens.
class Boundary {
 public:
  // For a function that Ruby has called.
  template <class Body>
  static decltype(auto) entered(Body&& body) {
    const Gvl gvl;
    return body(gvl);
  }

  // Runs `work(const NoGvl&)` without the lock and gives its result; nothing when an interrupt was pending, and then
  // `work` did not run. No interrupt is served here: call check_interrupts where it is safe. `unblock()` may be called
  // from any thread, before `work` begins, too; it makes `work` return soon. Both must not throw.
  template <class Work, class Unblock>
  static auto without_gvl(const Gvl&, Work& work, Unblock& unblock) noexcept {
    using Value = std::invoke_result_t<Work&, const NoGvl&>;
    static_assert(std::is_nothrow_invocable_v<Work&, const NoGvl&>, "work without the lock must be noexcept");
    static_assert(std::is_nothrow_invocable_v<Unblock&>, "unblock functions must be noexcept");
    struct Frame {
      Work& work;
      std::optional<Value> value;
    } frame{work, std::nullopt};
    rb_nogvl(
        [](void* argument) noexcept -> void* {
          auto& own = *static_cast<Frame*>(argument);
          const NoGvl no_gvl;
          own.value.emplace(own.work(no_gvl));
          return nullptr;
        },
        &frame, [](void* argument) noexcept { (*static_cast<Unblock*>(argument))(); }, &unblock, RB_NOGVL_INTR_FAIL);
    return std::move(frame.value);
  }
};

}  // namespace hyperion::ruby
