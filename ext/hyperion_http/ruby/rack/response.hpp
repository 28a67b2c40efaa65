// The Rack triplet read into a native response (Rack SPEC, "The Response"). Everything is copied: no Ruby object
// outlives the call.
#pragma once

#include "ruby/rack/context.hpp"

namespace hyperion::ruby::rack {

// Where the body comes from, as the triplet says.
enum class BodyKind : uint8_t {
  whole,   // in the response already: an Array, a String, a file, nothing
  each,    // responds to each, length unknown
  stream,  // responds to call
  hijack,  // rack.hijack among the headers (partial hijack), or a 101 with a streaming body: `callback` gets the socket
};

// The parts of a triplet; VALUEs on the machine stack.
struct Triplet {
  VALUE status = Qnil;
  VALUE headers = Qnil;
  VALUE body = Qnil;
  VALUE callback = Qnil;
  BodyKind kind = BodyKind::whole;
};

// All of these run inside a protected region and raise Hyperion::InvalidResponse on nonsense.

Triplet split_triplet(VALUE answer);
// Status and headers into exchange.response; finds out triplet.kind, and takes bodies that are there already.
void read_response(const Gvl& gvl, const Context& context, http::Exchange& exchange, Triplet& triplet);
// Field lines of `headers` (a Hash, or anything with each): also for early hints.
void read_headers(bool rack_3, VALUE headers, http::Response& response, VALUE* hijack);

// The fields of a response that was given natively, as a Hash: name in lower case, String or Array of Strings.
VALUE headers_of(const http::Response& response);

extern VALUE invalid_response;     // Hyperion::InvalidResponse
extern VALUE client_disconnected;  // Hyperion::ClientDisconnected: the response was not delivered
extern VALUE broken_pipe;          // Errno::EPIPE: what a stream raises in a writer whose client is gone

// Defines Hyperion::Error and those two.
void define_response(VALUE hyperion);

}  // namespace hyperion::ruby::rack
