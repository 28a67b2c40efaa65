#include "ruby/classes/route_table.hpp"

#include <utility>

#include "http/response.hpp"
#include "ruby/convert.hpp"
#include "ruby/rack/route_apps.hpp"
#include "ruby/typed_data.hpp"
#include "serve/conditional.hpp"
#include "server/static_route.hpp"

namespace hyperion::ruby {
namespace {

using Arguments = std::span<const VALUE>;
using serve::RouteTable;

// Not tied to a process: it has no threads, and a master's table is its workers', too.
struct Half {
  std::shared_ptr<RouteTable> table = std::make_shared<RouteTable>();
};

struct TableTraits {
  static constexpr const char* name = "Hyperion::Server::RouteTable";
};
using TableData = TypedData<Half, TableTraits>;

RouteTable& table_of(const Gvl& gvl, VALUE self) { return *TableData::of(gvl, self).table; }

VALUE initialize_copy(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  RouteTable& other = table_of(gvl, arguments[0]);
  table_of(gvl, self).add(other);
  return self;
}

uint32_t keep(const Gvl& gvl, VALUE entry, VALUE app) {
  uint32_t number = 0;
  checked(gvl, [&number, entry, app] { number = rack::keep_route(entry, app); });
  return number;
}

// One header line, with the rules that hold for every response. What an application may say and the server leaves away
// is refused here: who registers a route is there to be told.
void add_header(http::Response& response, const std::string& name, const std::string& value) {
  using Fault = http::Response::FieldFault;
  const size_t before = response.fields.size();
  const Fault fault = response.add(name, value);
  if (fault == Fault::bad_name || fault == Fault::bad_value) {
    throw Raise{rb_eArgError, "header \"" + name + "\": " + std::string{http::text_of(fault)}};
  }
  if (fault != Fault::none || response.fields.size() == before || response.has_date) {
    throw Raise{rb_eArgError, "header \"" + name + "\" is the server's own business"};
  }
}

// put_static(entry, method, path, status, [name, value, ...], body, etag or nil)
VALUE put_static(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 7, 7);
  RouteTable& table = table_of(gvl, self);
  const std::string method = to_text(gvl, arguments[1]);
  const std::string path = to_text(gvl, arguments[2]);
  http::Response response;
  response.status = static_cast<int>(to_i64(gvl, arguments[3]));
  const VALUE lines = arguments[4];
  checked(gvl, [lines] { Check_Type(lines, T_ARRAY); });
  for (long i = 0; i + 1 < RARRAY_LEN(lines); i += 2) {
    add_header(response, to_text(gvl, RARRAY_AREF(lines, i)), to_text(gvl, RARRAY_AREF(lines, i + 1)));
  }
  server::StaticAnswer answer;
  answer.status = response.status;
  answer.fields = std::move(response.fields);
  answer.body = to_text(gvl, arguments[5]);
  if (!NIL_P(arguments[6])) answer.etag = to_text(gvl, arguments[6]);
  if (!answer.etag.empty() && !serve::is_etag(answer.etag)) {
    throw Raise{rb_eArgError, "header \"etag\" is not an entity tag: a string in double quotes, W/ in front or not"};
  }
  const uint32_t number = keep(gvl, arguments[0], Qnil);
  table.put(server::make_static_route(method, path, number, rack::route_gone, std::move(answer)));
  return arguments[0];
}

// put_block(entry, app, method, path)
VALUE put_block(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 4, 4);
  RouteTable& table = table_of(gvl, self);
  const std::string method = to_text(gvl, arguments[2]);
  const std::string path = to_text(gvl, arguments[3]);
  const uint32_t number = keep(gvl, arguments[0], arguments[1]);
  table.put(server::make_block_route(method, path, number, rack::route_gone));
  return arguments[0];
}

// find(method, path) -> entry or nil; the two exactly.
VALUE find(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 2, 2);
  const auto route = table_of(gvl, self).get(to_text(gvl, arguments[0]), to_text(gvl, arguments[1]));
  return route ? rack::route_entry(route->number) : Qnil;
}

VALUE entries(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  const auto routes = table_of(gvl, self).all();
  VALUE list = Qnil;
  checked(gvl, [&list, &routes] {
    list = rb_ary_new_capa(static_cast<long>(routes.size()));
    for (const auto& route : routes) rb_ary_push(list, rack::route_entry(route->number));
  });
  return list;
}

VALUE size(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return ULL2NUM(table_of(gvl, self).size());
}

VALUE clear(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  table_of(gvl, self).clear();
  return self;
}

}  // namespace

void define_route_table(VALUE hyperion) {
  const VALUE server = rb_define_class_under(hyperion, "Server", rb_cObject);
  const VALUE klass = rb_define_class_under(server, "RouteTable", rb_cObject);
  rb_define_alloc_func(klass, TableData::allocate);
  rb_define_method(klass, "initialize_copy", entry<initialize_copy>, -1);
  rb_define_method(klass, "size", entry<size>, -1);
  rb_define_method(klass, "clear", entry<clear>, -1);
  rb_define_private_method(klass, "put_static", entry<put_static>, -1);
  rb_define_private_method(klass, "put_block", entry<put_block>, -1);
  rb_define_private_method(klass, "find_entry", entry<find>, -1);
  rb_define_private_method(klass, "entries_now", entry<entries>, -1);
}

std::shared_ptr<serve::RouteTable> route_table_of(const Gvl& gvl, VALUE object) {
  return TableData::of(gvl, object).table;
}

}  // namespace hyperion::ruby
