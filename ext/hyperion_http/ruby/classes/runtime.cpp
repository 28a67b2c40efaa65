#include "ruby/classes/runtime.hpp"

#include "ruby/typed_data.hpp"

namespace hyperion::ruby {
namespace {

struct Half {
  std::shared_ptr<std::atomic<bool>> wanted = std::make_shared<std::atomic<bool>>(false);
};

struct RuntimeTraits {
  static constexpr const char* name = "Hyperion::Runtime";
};
using RuntimeData = TypedData<Half, RuntimeTraits>;

// hooks_changed(any)
VALUE hooks_changed(const Gvl& gvl, VALUE self, std::span<const VALUE> arguments) {
  expect_arguments(arguments, 1, 1);
  RuntimeData::of(gvl, self).wanted->store(RTEST(arguments[0]), std::memory_order_release);
  return Qnil;
}

}  // namespace

void define_runtime(VALUE hyperion) {
  const VALUE klass = rb_define_class_under(hyperion, "Runtime", rb_cObject);
  rb_define_alloc_func(klass, RuntimeData::allocate);
  rb_undef_method(klass, "initialize_copy");
  rb_define_private_method(klass, "hooks_changed", entry<hooks_changed>, -1);
}

std::shared_ptr<const std::atomic<bool>> hooks_wanted_of(const Gvl& gvl, VALUE runtime) {
  return RuntimeData::of(gvl, runtime).wanted;
}

}  // namespace hyperion::ruby
