#include "ruby/rack/response.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <memory>
#include <utility>

#include "base/ascii.hpp"
#include "http/status.hpp"
#include "ruby/convert.hpp"
#include "ruby/symbols.hpp"

namespace hyperion::ruby::rack {

VALUE invalid_response = Qnil;
VALUE client_disconnected = Qnil;
VALUE broken_pipe = Qnil;

namespace {

using http::Exchange;
using http::Response;

// A file up to this size is read into the response: one write instead of two, and no descriptor kept.
constexpr size_t kSmallFile = 16 * 1024;

struct HeaderReader {
  const bool rack_3;
  Response& response;
  VALUE* hijack;
  VALUE protocol = Qnil;  // rack.protocol: the connection is to be upgraded
};

[[noreturn]] void invalid_header(VALUE name, Response::FieldFault fault) {
  const std::string_view text = http::text_of(fault);
  rb_raise(invalid_response, "response header %" PRIsVALUE ": %.*s", rb_inspect(name), static_cast<int>(text.size()),
           text.data());
}

void add_line(HeaderReader& reader, VALUE name, std::string_view value) {
  const auto fault = [&]() noexcept { return reader.response.add(bytes_of(name), value); }();
  if (fault != Response::FieldFault::none) invalid_header(name, fault);
}

// A String value: one line; under Rack 2 every LF begins another one.
void add_value(HeaderReader& reader, VALUE name, VALUE value) {
  value = rb_obj_as_string(value);  // a String even when to_s returns something else
  std::string_view text = bytes_of(value);
  if (!reader.rack_3) {
    for (size_t lf = text.find('\n'); lf != std::string_view::npos; lf = text.find('\n')) {
      add_line(reader, name, text.substr(0, lf));
      text.remove_prefix(lf + 1);
    }
  }
  add_line(reader, name, text);
  RB_GC_GUARD(value);
}

void add_header(HeaderReader& reader, VALUE name, VALUE value) {
  if (NIL_P(value)) return;
  name = rb_obj_as_string(name);
  if (reader.hijack != nullptr && base::iequals(bytes_of(name), "rack.hijack")) {
    *reader.hijack = value;
    return;
  }
  if (base::iequals(bytes_of(name), "rack.protocol")) {
    reader.protocol = rb_obj_as_string(value);
    return;
  }
  if (RB_TYPE_P(value, T_ARRAY)) {
    for (long i = 0; i < RARRAY_LEN(value); ++i) {
      const VALUE one = rb_ary_entry(value, i);
      if (!NIL_P(one)) add_value(reader, name, one);
    }
  } else {
    add_value(reader, name, value);
  }
}

int add_pair(VALUE name, VALUE value, VALUE reader) {
  add_header(*reinterpret_cast<HeaderReader*>(reader), name, value);
  return ST_CONTINUE;
}

// Headers that are no Hash are collected first: their author may keep the block and call it again at any time, when it
// must find nothing but garbage of Ruby's own.
VALUE collect_pair(VALUE pair, VALUE list, int argc, const VALUE* argv, VALUE) {
  const VALUE both = argc >= 2 ? rb_ary_new_from_values(2, argv) : rb_check_array_type(pair);
  if (NIL_P(both) || RARRAY_LEN(both) != 2) rb_raise(invalid_response, "headers must yield names and values");
  rb_ary_push(list, both);
  return Qnil;
}

int read_status(VALUE status) {
  if (!RB_INTEGER_TYPE_P(status)) status = rb_funcall(status, ids.to_i, 0);
  const int code = RB_FIXNUM_P(status) ? FIX2INT(status) : 0;
  if (code < 100 || code > 999) rb_raise(invalid_response, "response status %" PRIsVALUE " is not a status", status);
  return code;
}

// Memory for the whole body at once; NoMemoryError instead of a dead process when there is not so much.
void reserve(Response& response, size_t size) {
  const bool fits = [&]() noexcept {
    try {
      response.bytes.reserve(size);
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }();
  if (!fits) rb_memerror();
}

void take_array(Response& response, VALUE array) {
  size_t size = 0;
  for (long i = 0; i < RARRAY_LEN(array); ++i) {
    const VALUE piece = rb_ary_entry(array, i);
    if (!RB_TYPE_P(piece, T_STRING)) {
      rb_raise(invalid_response, "response body yields %" PRIsVALUE ", not a String", rb_obj_class(piece));
    }
    size += bytes_of(piece).size();
  }
  reserve(response, size);
  // Nothing of Ruby runs in here, so the Array is what it was.
  for (long i = 0; i < RARRAY_LEN(array); ++i) response.bytes.append(bytes_of(rb_ary_entry(array, i)));
}

// What became of a body's file.
struct Opened {
  int fd = -1;  // of a large one
  uint64_t size = 0;
  bool in_memory = false;
};

// Without the lock, as disks may be slow: a small file is read at once, a large one is left to the I/O thread.
Opened open_file(const char* name, std::string& bytes) noexcept {
  base::UniqueFd fd{::open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) < 0 || !S_ISREG(status.st_mode)) return {};
  Opened opened{.size = static_cast<uint64_t>(status.st_size)};
  if (opened.size <= kSmallFile) {
    bytes.resize(opened.size);
    const ssize_t got = ::pread(fd.get(), bytes.data(), opened.size, 0);
    opened.in_memory = got == static_cast<ssize_t>(opened.size);
    bytes.resize(opened.in_memory ? opened.size : 0);
    if (opened.in_memory) return opened;
  }
  opened.fd = fd.release();
  return opened;
}

// False: there is no such file, or it is not a regular one.
bool take_file(const Gvl& gvl, Response& response, VALUE path) {
  path = rb_get_path(path);
  const char* name = StringValueCStr(path);
  auto work = [&](const NoGvl&) noexcept { return open_file(name, response.bytes); };
  auto unblock = []() noexcept {};
  auto opened = Boundary::without_gvl(gvl, work, unblock);
  while (!opened) {
    rb_thread_check_ints();
    opened = Boundary::without_gvl(gvl, work, unblock);
  }
  RB_GC_GUARD(path);
  if (!opened->in_memory && opened->fd < 0) return false;
  response.declared_chunked = false;  // a file is not coded, whatever its headers say
  if (opened->in_memory) return true;
  [&]() noexcept {
    response.body = Response::Body::file;
    response.file = {
        .file = std::make_shared<const base::UniqueFd>(base::UniqueFd{opened->fd}), .offset = 0, .size = opened->size};
  }();
  return true;
}

bool responds(VALUE object, ID method) { return rb_respond_to(object, method) != 0; }

VALUE call_to_ary(VALUE body) { return rb_funcall(body, ids.to_ary, 0); }

VALUE no_array(VALUE /*body*/, VALUE /*error*/) { return Qnil; }

// The Array of a body that has to_ary; nil when it turns out to have none. Rails promises one for whatever its response
// body is, and then calls that object's each without a block: an Enumerator, or a LocalJumpError.
VALUE array_of(VALUE body) {
  const VALUE array = rb_rescue2(call_to_ary, body, no_array, Qnil, rb_eLocalJumpError, VALUE{0});
  return RB_TYPE_P(array, T_ARRAY) ? array : Qnil;
}

void read_body(const Gvl& gvl, const Context& context, Exchange& exchange, Triplet& triplet) {
  const VALUE body = triplet.body;
  Response& response = exchange.response;
  if (NIL_P(body)) return;
  if (RB_TYPE_P(body, T_ARRAY)) return take_array(response, body);
  if (RB_TYPE_P(body, T_STRING)) {
    reserve(response, bytes_of(body).size());
    response.bytes.append(bytes_of(body));
    return;
  }
  const bool unread = exchange.request.method == http::Method::head || http::forbids_body(response.status);
  if (responds(body, ids.to_path)) {
    const VALUE path = rb_funcall(body, ids.to_path, 0);
    if (RB_TYPE_P(path, T_STRING) && take_file(gvl, response, path)) return;
  }
  if (unread && response.status != 101) return;
  if (responds(body, ids.to_ary)) {
    const VALUE array = array_of(body);
    if (!NIL_P(array)) {
      // Rack 3 SPEC, "The Body": to_ary has closed it. Rack 2.2 knows no to_ary, so there it is still to be closed.
      if (context.rack_3) triplet.body = Qnil;
      return take_array(response, array);
    }
  }
  if (responds(body, ids.each)) {
    triplet.kind = BodyKind::each;
    response.body = Response::Body::stream;
    response.hold_head = true;
  } else if (responds(body, ids.call)) {
    triplet.kind = response.status == 101 ? BodyKind::hijack : BodyKind::stream;
    triplet.callback = body;
    response.body = response.status == 101 ? Response::Body::raw : Response::Body::stream;
  } else {
    rb_raise(invalid_response, "response body (%" PRIsVALUE ") responds to neither each nor call", rb_obj_class(body));
  }
}

}  // namespace

void read_headers(bool rack_3, VALUE headers, http::Response& response, VALUE* hijack) {
  HeaderReader reader{rack_3, response, hijack};
  const auto argument = reinterpret_cast<VALUE>(&reader);
  if (RB_TYPE_P(headers, T_HASH)) {
    rb_hash_foreach(headers, add_pair, argument);
  } else if (responds(headers, ids.each)) {
    VALUE pairs = rb_ary_new();
    rb_block_call(headers, ids.each, 0, nullptr, collect_pair, pairs);
    for (long i = 0; i < RARRAY_LEN(pairs); ++i) {
      const VALUE pair = rb_ary_entry(pairs, i);
      add_header(reader, rb_ary_entry(pair, 0), rb_ary_entry(pair, 1));
    }
    RB_GC_GUARD(pairs);
  } else {
    rb_raise(invalid_response, "response headers (%" PRIsVALUE ") are no Hash", rb_obj_class(headers));
  }
  if (!NIL_P(reader.protocol)) {
    // Rack SPEC, "The rack.protocol Header": on HTTP/1 the upgrade is a 101.
    response.status = 101;
    add_line(reader, to_literal("upgrade"), bytes_of(reader.protocol));
  }
}

VALUE headers_of(const Response& response) {
  const http::FieldList& fields = response.prepared != nullptr ? response.prepared->fields : response.fields;
  const VALUE headers = rb_hash_new();
  for (const http::Field& field : fields) {
    const VALUE name = to_literal(fields.name(field));
    const VALUE value = to_string(fields.value(field));
    const VALUE present = rb_hash_lookup2(headers, name, Qundef);
    if (present == Qundef) {
      rb_hash_aset(headers, name, value);
    } else if (RB_TYPE_P(present, T_ARRAY)) {
      rb_ary_push(present, value);
    } else {
      rb_hash_aset(headers, name, rb_ary_new_from_args(2, present, value));
    }
  }
  return headers;
}

Triplet split_triplet(VALUE answer) {
  const VALUE parts = rb_check_array_type(answer);
  if (NIL_P(parts)) {
    rb_raise(invalid_response, "the application returned %" PRIsVALUE ", not [status, headers, body]",
             rb_obj_class(answer));
  }
  if (RARRAY_LEN(parts) != 3) {
    rb_raise(invalid_response, "the application returned an Array of %ld, not [status, headers, body]",
             RARRAY_LEN(parts));
  }
  return {.status = rb_ary_entry(parts, 0), .headers = rb_ary_entry(parts, 1), .body = rb_ary_entry(parts, 2)};
}

void read_response(const Gvl& gvl, const Context& context, Exchange& exchange, Triplet& triplet) {
  Response& response = exchange.response;
  response.status = read_status(triplet.status);
  if (response.status < 200 && response.status != 101) {
    rb_raise(invalid_response, "response status %d is an interim one", response.status);
  }
  read_headers(context.rack_3, triplet.headers, response, &triplet.callback);
  if (!NIL_P(triplet.callback)) {
    triplet.kind = BodyKind::hijack;
    response.body = Response::Body::raw;
    return;
  }
  read_body(gvl, context, exchange, triplet);
}

void define_response(VALUE hyperion) {
  const VALUE error = rb_define_class_under(hyperion, "Error", rb_eStandardError);
  invalid_response = rb_define_class_under(hyperion, "InvalidResponse", error);
  rb_gc_register_address(&invalid_response);
  client_disconnected = rb_define_class_under(hyperion, "ClientDisconnected", error);
  rb_gc_register_address(&client_disconnected);
  broken_pipe = rb_const_get(rb_mErrno, rb_intern("EPIPE"));
  rb_gc_register_address(&broken_pipe);
}

}  // namespace hyperion::ruby::rack
