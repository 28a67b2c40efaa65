// What serving one Rack application needs of Ruby, marked by the engine object that owns it.
#pragma once

#include <ruby.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "http/exchange.hpp"
#include "ruby/gvl.hpp"
#include "server/note_queue.hpp"

namespace hyperion::ruby::rack {

// Env keys of field names that are not in the list of known fields: made once, up to a bound.
class KeyCache {
 public:
  KeyCache() noexcept { slots_.fill(Qnil); }
  // HTTP_<NAME>, the same object each time while the cache has room.
  VALUE key_for(const Gvl& gvl, std::string_view field_name);
  void mark() const noexcept;

 private:
  static constexpr size_t kSlots = 1024;
  // Names are the clients' choice: however they fill the table, a look-up stays short.
  static constexpr size_t kProbes = 8;

  std::array<VALUE, kSlots> slots_;  // open addressing; nil: free
};

// One String value that tends to come again: the Host of a site, the address of its proxy.
struct LastValue {
  std::array<char, 64> bytes{};
  size_t size = SIZE_MAX;
  VALUE value = Qnil;

  bool matches(std::string_view text) const noexcept {
    return text.size() == size && text == std::string_view{bytes.data(), size};
  }
};

// Callbacks that wait for the end of an exchange: (env, status, headers, finished, after) each.
class FollowUps {
 public:
  void add(http::Exchange& exchange, VALUE record);
  // nil when there is none.
  VALUE take(http::Exchange& exchange) noexcept;
  void mark() const noexcept;

 private:
  struct Entry {
    http::Exchange* exchange;
    VALUE record;
  };
  std::vector<Entry> entries_;
};

struct Context {
  const http::Limits* limits = nullptr;
  VALUE app = Qnil;
  VALUE adapter = Qnil;       // Hyperion::Adapter::Rack
  VALUE env_template = Qnil;  // a Hash with what every request shares
  VALUE empty_input = Qnil;   // rack.input of a request without a body
  VALUE rack_errors = Qnil;
  VALUE error_handler = Qnil;  // call(error, env, status): a triplet in place of the plain 500
  VALUE request_class = Qnil;
  VALUE response_class = Qnil;
  VALUE route_tables = Qnil;  // an Array: all that were ever served, the last one now
  // Hyperion::Runtime, and whether it has hooks.
  VALUE runtime = Qnil;
  std::shared_ptr<const std::atomic<bool>> hooks_wanted;
  server::NoteQueue* notes = nullptr;
  std::atomic<uint64_t>* app_errors = nullptr;
  bool rack_3 = true;  // LF in a header value is an error, not a separator
  bool early_hints = false;
  bool log_requests = true;  // somebody wants to know of hyperion.log_extras
  unsigned owner = 0;        // base::fork_generation() of the server's process
  KeyCache keys;
  LastValue host;
  VALUE host_name = Qnil;  // SERVER_NAME and SERVER_PORT of `host`
  VALUE host_port = Qnil;
  LastValue remote;
  FollowUps follow_ups;

  void mark() const noexcept;
};

}  // namespace hyperion::ruby::rack
