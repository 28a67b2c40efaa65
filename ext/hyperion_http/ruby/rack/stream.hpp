// The stream of a callable body (Rack SPEC, "Streaming Body"), and the writing of bodies piece by piece. A write waits,
// without Ruby's lock, while the client is slower than the application.
#pragma once

#include "http/exchange.hpp"
#include "ruby/gvl.hpp"

namespace hyperion::ruby::rack {

// Inside a protected region. Writes one String of a body; may wait; interrupts are served while it does. False: the
// client is gone. Raises SystemCallError when the spill file cannot be written.
bool write_piece(const Gvl& gvl, http::Exchange& exchange, VALUE string);

// A Hyperion::ResponseStream over the exchange's pipe. It may outlive the call of the body: the exchange is released
// when both it has been closed (or collected) and `leave_stream` was called.
VALUE make_stream(const Gvl& gvl, http::Exchange& exchange, VALUE input);
// The body's call has returned (or raised: `failed`, which cuts the response off).
void leave_stream(const Gvl& gvl, VALUE stream, bool failed) noexcept;

// Defines Hyperion::ResponseStream.
void define_stream(VALUE hyperion);

}  // namespace hyperion::ruby::rack
