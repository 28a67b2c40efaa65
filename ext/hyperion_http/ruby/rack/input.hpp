// rack.input (Rack SPEC, "The Input Stream"): the decoded request body, complete when the application is called, in
// memory or in an unlinked file. Rewindable. Owns what it reads, so it lives as long as the application keeps it.
#pragma once

#include "http/request.hpp"
#include "ruby/gvl.hpp"

namespace hyperion::ruby::rack {

// Inside a protected region.
VALUE make_input(const Gvl& gvl, http::RequestBody&& body);
// One without content; it has no state, so all requests without a body may share it.
VALUE make_empty_input(const Gvl& gvl);

// Defines Hyperion::RequestInput.
void define_input(VALUE hyperion);

}  // namespace hyperion::ruby::rack
