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

// For a change.
RouteTable& open_table_of(const Gvl& gvl, VALUE self) {
  checked(gvl, [self] { rb_check_frozen(self); });
  return table_of(gvl, self);
}

VALUE initialize_copy(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  const VALUE from = arguments[0];
  RouteTable& table = table_of(gvl, self);
  RouteTable& other = table_of(gvl, from);
  // Kept first: a server may serve the table already.
  checked(gvl, [self, from] { rack::share_routes(self, from); });
  table.add(other);
  return self;
}

uint64_t keep(const Gvl& gvl, VALUE self, VALUE entry) {
  uint64_t number = 0;
  checked(gvl, [&number, self, entry] { number = rack::keep_route(self, entry); });
  return number;
}

// After a change; `all` where most of the table went.
void forget_gone(const Gvl& gvl, VALUE self, const RouteTable& table, bool all = false) {
  const size_t size = table.size();
  checked(gvl, [self, size, all] { rack::forget_gone_routes(self, size, all); });
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
  RouteTable& table = open_table_of(gvl, self);
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
  const bool conditional = !NIL_P(arguments[6]);
  if (conditional) answer.etag = to_text(gvl, arguments[6]);
  if (conditional && !serve::is_etag(answer.etag)) {
    throw Raise{rb_eArgError, "header \"etag\" is not an entity tag: a string in double quotes, W/ in front or not"};
  }
  const uint64_t number = keep(gvl, self, arguments[0]);
  table.put(server::make_static_route(method, path, number, rack::route_gone, std::move(answer)));
  forget_gone(gvl, self, table);
  return arguments[0];
}

// put_block(entry, method, path); the entry's @app is called.
VALUE put_block(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 3, 3);
  RouteTable& table = open_table_of(gvl, self);
  const std::string method = to_text(gvl, arguments[1]);
  const std::string path = to_text(gvl, arguments[2]);
  const uint64_t number = keep(gvl, self, arguments[0]);
  table.put(server::make_block_route(method, path, number, rack::route_gone));
  forget_gone(gvl, self, table);
  return arguments[0];
}

// find(method, path) -> entry or nil; the two exactly.
VALUE find(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 2, 2);
  const auto route = table_of(gvl, self).get(to_text(gvl, arguments[0]), to_text(gvl, arguments[1]));
  if (!route) return Qnil;
  VALUE entry = Qnil;
  const uint64_t number = route->number;
  checked(gvl, [&entry, self, number] { entry = rack::route_entry(self, number); });
  return entry;
}

VALUE entries(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  const auto routes = table_of(gvl, self).all();
  VALUE list = Qnil;
  checked(gvl, [&list, &routes, self] {
    list = rb_ary_new_capa(static_cast<long>(routes.size()));
    for (const auto& route : routes) rb_ary_push(list, rack::route_entry(self, route->number));
  });
  return list;
}

VALUE size(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return ULL2NUM(table_of(gvl, self).size());
}

VALUE clear(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  RouteTable& table = open_table_of(gvl, self);
  table.clear();
  forget_gone(gvl, self, table, true);
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
