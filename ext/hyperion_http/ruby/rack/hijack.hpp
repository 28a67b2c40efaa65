// The ways in which an application reaches past its response: rack.hijack (the connection itself) and rack.early_hints.
#pragma once

#include "base/result.hpp"
#include "ruby/rack/context.hpp"

namespace hyperion::ruby::rack {

// The request that an app thread is serving: on its machine stack, so the collector sees what is in it.
struct Frame {
  Context& context;
  http::Exchange& exchange;
  VALUE env = Qnil;
  bool hijacked = false;
  // Threads inside rack.hijack: the application may have called it on one of its own.
  int waiting = 0;
};

// Inside protected regions. The object that env has under rack.hijack; it serves while its frame is armed.
VALUE make_hijack(Frame& frame);
VALUE make_early_hints(Frame& frame);
// The request is over: a later call of either raises IOError.
void disarm(VALUE object) noexcept;

// Inside a protected region: waits, without Ruby's lock, until the I/O thread hands the connection over, and makes an
// IO of it. Raises SystemCallError when the client is gone.
VALUE receive_socket(const Gvl& gvl, http::Exchange& exchange);

// Defines Hyperion::Hijack and Hyperion::EarlyHints.
void define_hijack(VALUE hyperion);

}  // namespace hyperion::ruby::rack
