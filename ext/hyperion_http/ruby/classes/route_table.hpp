// Hyperion::Server::RouteTable's native half. What may be registered is lib/hyperion/server/route_table.rb's business.
#pragma once

#include <ruby.h>

#include <memory>

#include "ruby/gvl.hpp"
#include "serve/route_table.hpp"

namespace hyperion::ruby {

void define_route_table(VALUE hyperion);

// The half of a RouteTable object. Raises TypeError for anything else.
std::shared_ptr<serve::RouteTable> route_table_of(const Gvl& gvl, VALUE object);

}  // namespace hyperion::ruby
