// What the lines of a request head mean together: target form, Host, framing, expectations, persistence, and names that
// imitate others. RFC 9112 sections 3, 6 and 9; RFC 9110 section 10.1.1.
#pragma once

#include "base/error.hpp"
#include "http/limits.hpp"
#include "http/request.hpp"

namespace hyperion::http1 {

// Completes `request` from its fields, and drops fields that must not reach anybody. ErrorCode::none when it may be
// served. `saw_underscore`: some field name has one.
base::ErrorCode apply_head_rules(http::Request& request, const http::Limits& limits, bool saw_underscore);

}  // namespace hyperion::http1
