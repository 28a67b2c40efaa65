// How bodies of unknown length leave, piece by piece: the stream of a callable body (Rack SPEC, "Streaming Body") and
// the block of an `each` body. A write waits, without Ruby's lock, while the client is slower than the application.
#pragma once

#include "http/exchange.hpp"
#include "ruby/gvl.hpp"

namespace hyperion::ruby::rack {

// Inside a protected region. Calls body.each and writes what it yields. Raises what the body raises, and
// Hyperion::InvalidResponse for a piece that is no String. False: the client left before the end.
bool write_each(const Gvl& gvl, http::Exchange& exchange, VALUE body);

// A Hyperion::ResponseStream over the exchange's pipe. It may outlive the call of the body: the exchange is released
// when it has been closed (or collected), no thread writes, and `leave_stream` was called.
VALUE make_stream(const Gvl& gvl, http::Exchange& exchange, VALUE input);
// The body's call has returned (or raised: `failed`, which cuts the response off).
void leave_stream(const Gvl& gvl, VALUE stream, bool failed) noexcept;

// Defines Hyperion::ResponseStream.
void define_stream(VALUE hyperion);

}  // namespace hyperion::ruby::rack
