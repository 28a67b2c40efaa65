#include "ruby/rack/env.hpp"

#include <bitset>

#include "base/number.hpp"
#include "ruby/convert.hpp"
#include "ruby/rack/input.hpp"
#include "ruby/symbols.hpp"

namespace hyperion::ruby::rack {
namespace {

using http::Exchange;
using http::KnownField;
using http::Request;

VALUE method_value(const Request& request) {
  switch (request.method) {
    case http::Method::get: return literals.get;
    case http::Method::head: return literals.head;
    case http::Method::post: return literals.post;
    case http::Method::put: return literals.put;
    case http::Method::patch: return literals.patch;
    case http::Method::remove: return literals.remove;
    case http::Method::options: return literals.options;
    case http::Method::trace: return literals.trace;
    case http::Method::connect:
    case http::Method::other: break;
  }
  return to_literal(request.view(request.method_name));
}

VALUE version_value(http::Version version) noexcept {
  switch (version) {
    case http::Version::http10: return literals.http_1_0;
    case http::Version::http11: return literals.http_1_1;
    case http::Version::http2: return literals.http_2;
  }
  return literals.http_1_1;
}

void remember(LastValue& last, std::string_view text) {
  last.size = SIZE_MAX;
  last.value = rb_obj_freeze(to_string(text));
  if (text.size() > last.bytes.size()) return;
  text.copy(last.bytes.data(), text.size());
  last.size = text.size();
}

VALUE default_port(const Exchange& exchange) noexcept {
  return exchange.origin.secure ? literals.port_443 : literals.port_80;
}

VALUE port_value(uint16_t port) {
  char digits[8];
  const auto end = std::to_chars(digits, digits + sizeof digits, port).ptr;
  return to_string({digits, static_cast<size_t>(end - digits)});
}

// SERVER_NAME and SERVER_PORT of an authority. An IPv6 literal keeps its brackets (RFC 3875 section 4.1.14).
void split_authority(Context& context, const Exchange& exchange, std::string_view authority) {
  size_t end = authority.find(':');
  if (!authority.empty() && authority.front() == '[') {
    const size_t close = authority.find(']');
    end = close == std::string_view::npos ? close : authority.find(':', close);
  }
  const std::string_view name = authority.substr(0, end);
  const std::string_view port = end == std::string_view::npos ? std::string_view{} : authority.substr(end + 1);
  context.host_name = rb_obj_freeze(to_string(name));
  context.host_port = port.empty() ? default_port(exchange) : rb_obj_freeze(to_string(port));
}

void set_remote(Context& context, const Exchange& exchange, VALUE env) {
  const std::string_view remote = exchange.origin.remote();
  if (context.remote.matches(remote)) return;
  remember(context.remote, remote);
  for (const VALUE hash : {context.env_template, env}) {
    rb_hash_aset(hash, literals.key_remote_addr, context.remote.value);
  }
}

void set_server(Context& context, const Exchange& exchange, VALUE env) {
  const std::string_view authority = exchange.request.view(exchange.request.authority);
  if (authority.empty()) {
    const std::string_view local = exchange.origin.local();
    VALUE name = literals.localhost;
    if (local.find(':') != std::string_view::npos) {
      name = rb_sprintf("[%.*s]", static_cast<int>(local.size()), local.data());
    } else if (!local.empty()) {
      name = to_string(local);
    }
    rb_hash_aset(env, literals.key_server_name, name);
    const uint16_t port = exchange.origin.local_port;
    rb_hash_aset(env, literals.key_server_port, port == 0 ? default_port(exchange) : port_value(port));
    rb_hash_delete(env, literals.key_http_host);
    return;
  }
  if (context.host.matches(authority)) return;
  remember(context.host, authority);
  split_authority(context, exchange, authority);
  for (const VALUE hash : {context.env_template, env}) {
    rb_hash_aset(hash, literals.key_server_name, context.host_name);
    rb_hash_aset(hash, literals.key_server_port, context.host_port);
    rb_hash_aset(hash, literals.key_http_host, context.host.value);
  }
}

// RFC 9110 section 5.3: repeated fields are one list; cookies are joined by RFC 6265 section 5.4.
void join(VALUE env, VALUE key, VALUE present, std::string_view more, bool cookie) {
  const VALUE joined = rb_str_plus(present, rb_str_new_static(cookie ? "; " : ", ", 2));
  rb_str_cat(joined, more.data(), static_cast<long>(more.size()));
  rb_hash_aset(env, key, joined);
}

// Fields that become something else in the env, or nothing.
bool belongs_elsewhere(KnownField field) noexcept {
  return field == KnownField::host || field == KnownField::content_length || field == KnownField::transfer_encoding ||
         field == KnownField::trailer;
}

void set_fields(const Gvl& gvl, Context& context, const Exchange& exchange, VALUE env) {
  const http::FieldList& fields = exchange.request.fields;
  std::bitset<http::kKnownFieldCount> seen;
  for (const http::Field& field : fields) {
    const std::string_view value = fields.value(field);
    if (field.known != KnownField::other) {
      if (belongs_elsewhere(field.known)) continue;
      const auto index = static_cast<size_t>(field.known);
      const VALUE key = literals.field_keys[index];
      if (seen[index]) {
        join(env, key, rb_hash_aref(env, key), value, field.known == KnownField::cookie);
      } else {
        seen[index] = true;
        rb_hash_aset(env, key, to_string(value));
      }
      continue;
    }
    const VALUE key = context.keys.key_for(gvl, fields.name(field));
    // A field called "Version" must not pass for the protocol's.
    if (key == literals.key_http_version) continue;
    const VALUE present = rb_hash_lookup2(env, key, Qundef);
    if (present == Qundef) {
      rb_hash_aset(env, key, to_string(value));
    } else {
      join(env, key, present, value, false);
    }
  }
}

VALUE protocols(std::string_view upgrade) {
  const VALUE list = rb_ary_new();
  while (!upgrade.empty()) {
    const size_t comma = upgrade.find(',');
    const std::string_view one = base::trim_ows(upgrade.substr(0, comma));
    if (!one.empty()) rb_ary_push(list, to_string(one));
    upgrade.remove_prefix(comma == std::string_view::npos ? upgrade.size() : comma + 1);
  }
  return list;
}

VALUE trailers(const http::FieldList& fields) {
  const VALUE hash = rb_hash_new();
  for (const http::Field& field : fields) {
    const VALUE name = rb_funcall(to_string(fields.name(field)), rb_intern("downcase"), 0);
    const VALUE present = rb_hash_lookup2(hash, name, Qundef);
    if (present == Qundef) {
      rb_hash_aset(hash, name, to_string(fields.value(field)));
    } else {
      join(hash, name, present, fields.value(field), false);
    }
  }
  return hash;
}

void set_body(const Gvl& gvl, Exchange& exchange, VALUE env) {
  Request& request = exchange.request;
  if (!request.chunked && !request.content_length) return;
  // The length of the decoded content: what an app can read, also when it came chunked (RFC 9112 section 7.1.3).
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, request.body.size()).ptr;
  rb_hash_aset(env, literals.key_content_length, to_string({digits, static_cast<size_t>(end - digits)}));
  if (request.body.size() > 0) {
    rb_hash_aset(env, literals.key_input, make_input(gvl, std::move(request.body)));
  }
  if (!request.trailers.empty()) rb_hash_aset(env, literals.key_trailers, trailers(request.trailers));
}

}  // namespace

VALUE make_env_template(const Context& context, VALUE software, bool multithread, bool multiprocess) {
  const VALUE env = rb_hash_new();
  // Places of what every request sets: filling them later does not make the table grow.
  for (const VALUE key :
       {literals.key_path_info, literals.key_request_path, literals.key_request_uri, literals.key_server_name,
        literals.key_server_port, literals.key_http_host, literals.key_remote_addr, literals.key_hijack,
        literals.key_response_finished, literals.key_after_reply}) {
    rb_hash_aset(env, key, Qnil);
  }
  // What most requests have: only the others change it. So it is with the last request's Host and
  // address, see set_server and set_remote.
  rb_hash_aset(env, literals.key_request_method, literals.get);
  rb_hash_aset(env, literals.key_query_string, literals.empty);
  rb_hash_aset(env, literals.key_server_protocol, literals.http_1_1);
  rb_hash_aset(env, literals.key_http_version, literals.http_1_1);
  rb_hash_aset(env, literals.key_url_scheme, literals.http);
  rb_hash_aset(env, literals.key_input, context.empty_input);
  rb_hash_aset(env, literals.key_script_name, literals.empty);
  rb_hash_aset(env, literals.key_server_software, software);
  rb_hash_aset(env, literals.key_gateway_interface, to_literal("CGI/1.2"));
  rb_hash_aset(env, literals.key_errors, context.rack_errors);
  rb_hash_aset(env, literals.key_version, rb_obj_freeze(rb_ary_new_from_args(2, INT2FIX(1), INT2FIX(6))));
  rb_hash_aset(env, literals.key_multithread, multithread ? Qtrue : Qfalse);
  rb_hash_aset(env, literals.key_multiprocess, multiprocess ? Qtrue : Qfalse);
  rb_hash_aset(env, literals.key_run_once, Qfalse);
  rb_hash_aset(env, literals.key_may_hijack, Qtrue);
  return env;
}

VALUE build_env(const Gvl& gvl, Context& context, Exchange& exchange, VALUE hijack) {
  const Request& request = exchange.request;
  const VALUE env = rb_hash_dup(context.env_template);

  if (request.method != http::Method::get) rb_hash_aset(env, literals.key_request_method, method_value(request));
  const VALUE path = to_string(request.view(request.path));
  rb_hash_aset(env, literals.key_path_info, path);
  rb_hash_aset(env, literals.key_request_path, path);
  const std::string_view query = request.view(request.query);
  if (!query.empty()) rb_hash_aset(env, literals.key_query_string, to_string(query));
  rb_hash_aset(env, literals.key_request_uri, to_string(request.view(request.target)));
  if (request.version != http::Version::http11) {
    const VALUE version = version_value(request.version);
    rb_hash_aset(env, literals.key_server_protocol, version);
    rb_hash_aset(env, literals.key_http_version, version);
  }
  if (exchange.origin.secure) rb_hash_aset(env, literals.key_url_scheme, literals.https);
  set_remote(context, exchange, env);
  rb_hash_aset(env, literals.key_hijack, hijack);
  rb_hash_aset(env, literals.key_response_finished, rb_ary_new());
  rb_hash_aset(env, literals.key_after_reply, rb_ary_new());
  set_server(context, exchange, env);
  set_fields(gvl, context, exchange, env);
  set_body(gvl, exchange, env);
  if (request.upgrade) {
    rb_hash_aset(env, literals.key_protocol, protocols(request.fields.find(KnownField::upgrade).value_or("")));
  }
  return env;
}

}  // namespace hyperion::ruby::rack
