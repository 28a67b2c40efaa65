// The Rack environment of one request (Rack SPEC, "The Request Environment"), built natively and never used again.
#pragma once

#include "ruby/rack/context.hpp"

namespace hyperion::ruby::rack {

// The Hash that every env is a copy of. Once per server, after the other members of `context` are set.
// `software`: SERVER_SOFTWARE. `multithread`, `multiprocess`: the truth about this server.
VALUE make_env_template(const Context& context, VALUE software, bool multithread, bool multiprocess);

// Inside a protected region; only trivially destructible locals. `hijack`: the object for rack.hijack.
VALUE build_env(const Gvl& gvl, Context& context, http::Exchange& exchange, VALUE hijack);

}  // namespace hyperion::ruby::rack
