// Who can answer an exchange without Ruby. The router asks them in order; what none of them takes goes to the app.
#pragma once

#include "http/exchange.hpp"

namespace hyperion::serve {

enum class Verdict : uint8_t {
  not_mine,  // nothing was touched
  answered,  // the response is complete
  later,     // taken; it will signal the exchange from any thread, or never
  dispatch,  // Ruby's, and no other responder is asked
};

class Responder {
 public:
  virtual ~Responder() = default;

  // On the I/O thread, with a complete request. Must not block.
  virtual Verdict respond(http::Exchange& exchange) noexcept = 0;
};

}  // namespace hyperion::serve
