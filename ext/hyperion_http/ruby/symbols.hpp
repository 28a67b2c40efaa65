// Method names and frozen Strings that every request needs, made once when the extension is loaded.
#pragma once

#include <ruby.h>

#include <array>

#include "http/known_fields.hpp"

namespace hyperion::ruby {

// X(member, text)
#define HYPERION_IDS(X)     \
  X(call, "call")           \
  X(each, "each")           \
  X(close, "close")         \
  X(to_path, "to_path")     \
  X(to_ary, "to_ary")       \
  X(to_i, "to_i")           \
  X(for_fd, "for_fd")       \
  X(message, "message")     \
  X(backtrace, "backtrace") \
  X(read, "read")           \
  X(set_sync, "sync=")      \
  X(new_object, "new")      \
  X(start_hooks, "@start")  \
  X(end_hooks, "@end")      \
  X(app, "@app")            \
  X(kept, "kept")           \
  X(dispatch_for_c_loop, "dispatch_for_c_loop")

// Keys and common values of the Rack environment.
#define HYPERION_LITERALS(X)                         \
  X(empty, "")                                       \
  X(slash, "/")                                      \
  X(http, "http")                                    \
  X(https, "https")                                  \
  X(port_80, "80")                                   \
  X(port_443, "443")                                 \
  X(localhost, "localhost")                          \
  X(http_1_0, "HTTP/1.0")                            \
  X(http_1_1, "HTTP/1.1")                            \
  X(http_2, "HTTP/2")                                \
  X(get, "GET")                                      \
  X(head, "HEAD")                                    \
  X(post, "POST")                                    \
  X(put, "PUT")                                      \
  X(patch, "PATCH")                                  \
  X(remove, "DELETE")                                \
  X(options, "OPTIONS")                              \
  X(trace, "TRACE")                                  \
  X(key_request_method, "REQUEST_METHOD")            \
  X(key_script_name, "SCRIPT_NAME")                  \
  X(key_path_info, "PATH_INFO")                      \
  X(key_request_path, "REQUEST_PATH")                \
  X(key_request_uri, "REQUEST_URI")                  \
  X(key_query_string, "QUERY_STRING")                \
  X(key_server_name, "SERVER_NAME")                  \
  X(key_server_port, "SERVER_PORT")                  \
  X(key_server_protocol, "SERVER_PROTOCOL")          \
  X(key_server_software, "SERVER_SOFTWARE")          \
  X(key_gateway_interface, "GATEWAY_INTERFACE")      \
  X(key_http_version, "HTTP_VERSION")                \
  X(key_http_host, "HTTP_HOST")                      \
  X(key_content_length, "CONTENT_LENGTH")            \
  X(key_remote_addr, "REMOTE_ADDR")                  \
  X(key_url_scheme, "rack.url_scheme")               \
  X(key_input, "rack.input")                         \
  X(key_errors, "rack.errors")                       \
  X(key_version, "rack.version")                     \
  X(key_multithread, "rack.multithread")             \
  X(key_multiprocess, "rack.multiprocess")           \
  X(key_run_once, "rack.run_once")                   \
  X(key_may_hijack, "rack.hijack?")                  \
  X(key_hijack, "rack.hijack")                       \
  X(key_hijack_io, "rack.hijack_io")                 \
  X(key_protocol, "rack.protocol")                   \
  X(key_early_hints, "rack.early_hints")             \
  X(key_response_finished, "rack.response_finished") \
  X(key_after_reply, "rack.after_reply")             \
  X(key_trailers, "hyperion.request_trailers")       \
  X(key_log_extras, "hyperion.log_extras")

struct Ids {
#define X(member, text) ID member;
  HYPERION_IDS(X)
#undef X
};

struct Literals {
#define X(member, text) VALUE member;
  HYPERION_LITERALS(X)
#undef X
  // CONTENT_TYPE, HTTP_ACCEPT, ...: the env key of each known field.
  std::array<VALUE, http::kKnownFieldCount> field_keys;
};

extern Ids ids;
extern Literals literals;

// When the extension is loaded.
void init_symbols();

}  // namespace hyperion::ruby
