#include "ruby/classes/metrics.hpp"

#include <cmath>
#include <vector>

#include "ruby/convert.hpp"
#include "ruby/typed_data.hpp"

namespace hyperion::ruby {
namespace {

using Arguments = std::span<const VALUE>;
using observe::Registry;

// Not tied to a process: it has no threads and no locks. Whoever holds Ruby's lock is the registry's one writer.
struct Half {
  std::shared_ptr<Registry> registry = std::make_shared<Registry>();
  // By the number that the Ruby side has for them.
  std::vector<Registry::Family*> families;
};

struct MetricsTraits {
  static constexpr const char* name = "Hyperion::Metrics";
};
using MetricsData = TypedData<Half, MetricsTraits>;

std::vector<std::string> texts_of(const Gvl& gvl, VALUE array) {
  checked(gvl, [array] { Check_Type(array, T_ARRAY); });
  std::vector<std::string> texts;
  for (long i = 0; i < RARRAY_LEN(array); ++i) texts.push_back(to_text(gvl, RARRAY_AREF(array, i)));
  return texts;
}

Registry::Kind kind_of(const std::string& text) {
  if (text == "counter") return Registry::Kind::counter;
  if (text == "gauge") return Registry::Kind::gauge;
  return Registry::Kind::histogram;
}

// define(kind, name, help, [label, ...], [edge, ...]) -> number
VALUE define(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 5, 5);
  Half& half = MetricsData::of(gvl, self);
  Registry::Definition definition{.kind = kind_of(to_text(gvl, arguments[0])),
                                  .name = to_text(gvl, arguments[1]),
                                  .help = to_text(gvl, arguments[2]),
                                  .labels = texts_of(gvl, arguments[3])};
  const VALUE edges = arguments[4];
  checked(gvl, [edges] { Check_Type(edges, T_ARRAY); });
  for (long i = 0; i < RARRAY_LEN(edges); ++i) definition.edges.push_back(to_double(gvl, RARRAY_AREF(edges, i)));
  if (std::string fault = half.registry->fault_of(definition); !fault.empty()) {
    throw Raise{rb_eArgError, std::move(fault)};
  }
  half.families.push_back(&half.registry->define(std::move(definition)));
  return ULL2NUM(half.families.size() - 1);
}

struct Place {
  Registry& registry;
  Registry::Family& family;
  Registry::Series& series;
};

// Of (number, [label value, ...], ...).
Place place_of(const Gvl& gvl, VALUE self, Arguments arguments) {
  Half& half = MetricsData::of(gvl, self);
  Registry::Family& family = *half.families.at(to_u64(gvl, arguments[0]));
  return {*half.registry, family, half.registry->series(family, texts_of(gvl, arguments[1]))};
}

// Of (number, [label value, ...], value): `note` gets the place and the value.
template <class Note>
VALUE record(const Gvl& gvl, VALUE self, Arguments arguments, Note note) {
  expect_arguments(arguments, 3, 3);
  const double value = to_double(gvl, arguments[2]);
  note(place_of(gvl, self, arguments), value);
  return Qnil;
}

VALUE add(const Gvl& gvl, VALUE self, Arguments arguments) {
  return record(gvl, self, arguments, [](Place at, double amount) { at.registry.add(at.series, amount); });
}

VALUE set(const Gvl& gvl, VALUE self, Arguments arguments) {
  return record(gvl, self, arguments, [](Place at, double value) { at.registry.set(at.series, value); });
}

VALUE observe_value(const Gvl& gvl, VALUE self, Arguments arguments) {
  return record(gvl, self, arguments, [](Place at, double v) { at.registry.observe(at.family, at.series, v); });
}

VALUE value(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 2, 2);
  const Place place = place_of(gvl, self, arguments);
  return DBL2NUM(place.registry.value(place.series));
}

VALUE text(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  std::string page;
  MetricsData::of(gvl, self).registry->append_to(page);
  VALUE string = Qnil;
  const std::string_view bytes{page};
  checked(gvl, [&string, bytes] { string = rb_utf8_str_new(bytes.data(), static_cast<long>(bytes.size())); });
  return string;
}

}  // namespace

void define_metrics(VALUE hyperion) {
  const VALUE klass = rb_define_class_under(hyperion, "Metrics", rb_cObject);
  rb_define_alloc_func(klass, MetricsData::allocate);
  rb_undef_method(klass, "initialize_copy");
  rb_define_private_method(klass, "define_family", entry<define>, -1);
  rb_define_method(klass, "to_prometheus", entry<text>, -1);
  rb_define_method(klass, "family_add", entry<add>, -1);
  rb_define_method(klass, "family_set", entry<set>, -1);
  rb_define_method(klass, "family_observe", entry<observe_value>, -1);
  rb_define_method(klass, "family_value", entry<value>, -1);
}

std::shared_ptr<const observe::Registry> registry_of(const Gvl& gvl, VALUE metrics) {
  return MetricsData::of(gvl, metrics).registry;
}

}  // namespace hyperion::ruby
