#include "ruby/classes/process_end.hpp"

#include "ruby/convert.hpp"
#include "server/process_end.hpp"

namespace hyperion::ruby {
namespace {

using Arguments = std::span<const VALUE>;
namespace process_end = server::process_end;

// watch(graceful, last, same_wish, json, color): seconds; a graceful of nil is for ever.
VALUE watch(const Gvl& gvl, VALUE, Arguments arguments) {
  expect_arguments(arguments, 5, 5);
  process_end::Plan plan{};
  plan.graceful = NIL_P(arguments[0]) ? base::Duration::max() : to_duration(gvl, arguments[0]);
  plan.last = to_duration(gvl, arguments[1]);
  plan.same_wish = to_duration(gvl, arguments[2]);
  plan.style.format = RTEST(arguments[3]) ? observe::Format::json : observe::Format::text;
  plan.style.color = RTEST(arguments[4]);
  if (auto watching = process_end::watch(plan); !watching) {
    throw RaiseErrno{watching.error().os_errno, "the thread that ends the process"};
  }
  return Qnil;
}

VALUE unwatch(const Gvl&, VALUE, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  process_end::unwatch();
  return Qnil;
}

// within(seconds)
VALUE within(const Gvl& gvl, VALUE, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  process_end::end_within(to_duration(gvl, arguments[0]));
  return Qnil;
}

VALUE stop_began(const Gvl&, VALUE, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  process_end::stop_began();
  return Qnil;
}

VALUE urgent(const Gvl&, VALUE, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return process_end::urgent() ? Qtrue : Qfalse;
}

}  // namespace

void define_process_end(VALUE hyperion) {
  const VALUE module = rb_define_module_under(hyperion, "ProcessEnd");
  rb_define_singleton_method(module, "watch", entry<watch>, -1);
  rb_define_singleton_method(module, "unwatch", entry<unwatch>, -1);
  rb_define_singleton_method(module, "within", entry<within>, -1);
  rb_define_singleton_method(module, "stop_began", entry<stop_began>, -1);
  rb_define_singleton_method(module, "urgent?", entry<urgent>, -1);
}

}  // namespace hyperion::ruby
