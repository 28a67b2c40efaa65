// The one template through which Ruby calls into C++. It makes the lock's token, catches C++ exceptions, lets every
// object die, and only then raises.
#pragma once

#include <exception>
#include <new>
#include <span>
#include <string>

#include "base/error.hpp"
#include "ruby/gvl.hpp"
#include "ruby/protect.hpp"

namespace hyperion::ruby {

// Thrown by native functions: becomes a Ruby exception of `type`.
struct Raise {
  VALUE type;
  std::string message;
};

// Thrown by native functions: a protected region failed, and its jump goes on.
struct Jump {
  int state;
};

// Thrown by native functions: an Errno exception.
struct RaiseErrno {
  int number;
  std::string what;
};

// Runs `body` protected; a failure unwinds the C++ frames first.
template <class Body>
void checked(const Gvl& gvl, Body body) {
  const Outcome outcome = protect(gvl, body);
  if (!outcome.ok()) throw Jump{outcome.state()};
}

namespace detail {

// What is to be raised, free of destructors.
struct Verdict {
  VALUE value = Qnil;
  VALUE exception = Qnil;
  int jump = 0;
};

template <class Make>
VALUE exception_from(const Gvl& gvl, Make make) noexcept {
  VALUE exception = Qnil;
  if (!protect(gvl, [&exception, &make] { exception = make(); }).ok()) {
    exception = take_exception(gvl);
  }
  return exception;
}

template <auto Function>
Verdict run(int argc, VALUE* argv, VALUE self) noexcept {
  return Boundary::entered([&](const Gvl& gvl) noexcept {
    Verdict verdict;
    try {
      verdict.value = Function(gvl, self, std::span<const VALUE>{argv, static_cast<size_t>(argc)});
    } catch (const Jump& jump) {
      verdict.jump = jump.state;
    } catch (const Raise& raise) {
      const char* text = raise.message.c_str();
      const VALUE type = raise.type;
      verdict.exception = exception_from(gvl, [=] { return rb_exc_new_cstr(type, text); });
    } catch (const RaiseErrno& raise) {
      const char* text = raise.what.c_str();
      const int number = raise.number;
      verdict.exception = exception_from(gvl, [=] { return rb_syserr_new(number, text); });
    } catch (const std::exception& error) {
      const char* text = error.what();
      const VALUE type = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ? rb_eNoMemError : rb_eRuntimeError;
      verdict.exception = exception_from(gvl, [=] { return rb_exc_new_cstr(type, text); });
    }
    return verdict;
  });
}

}  // namespace detail

// Register as rb_define_method(klass, name, entry<function>, -1). `function`: VALUE (const Gvl&, VALUE self,
// std::span<const VALUE> arguments).
template <auto Function>
VALUE entry(int argc, VALUE* argv, VALUE self) {
  const detail::Verdict verdict = detail::run<Function>(argc, argv, self);
  if (verdict.jump != 0) rb_jump_tag(verdict.jump);
  if (!NIL_P(verdict.exception)) rb_exc_raise(verdict.exception);
  return verdict.value;
}

// Arguments are counted by the functions themselves: one line, Ruby's own words.
inline void expect_arguments(std::span<const VALUE> given, size_t least, size_t most) {
  if (given.size() >= least && given.size() <= most) return;
  std::string message =
      "wrong number of arguments (given " + std::to_string(given.size()) + ", expected " + std::to_string(least);
  if (most != least) message += ".." + std::to_string(most);
  throw Raise{rb_eArgError, message + ")"};
}

}  // namespace hyperion::ruby
