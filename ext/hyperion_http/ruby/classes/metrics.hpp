// Hyperion::Metrics' native half: the user's own metrics, where a scrape finds them without Ruby's lock.
#pragma once

#include <ruby.h>

#include <memory>

#include "observe/registry.hpp"
#include "ruby/gvl.hpp"

namespace hyperion::ruby {

void define_metrics(VALUE hyperion);

// Raises TypeError for anything else than a Hyperion::Metrics.
std::shared_ptr<const observe::Registry> registry_of(const Gvl& gvl, VALUE metrics);

}  // namespace hyperion::ruby
