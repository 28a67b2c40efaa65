// The Ruby side of every registered route: its entry object, and what is called for a block. Native routes know it by a
// number, which holds for the whole process, whatever tables share the route.
#pragma once

#include <ruby.h>

#include <cstdint>

namespace hyperion::ruby::rack {

// When the extension is loaded.
void init_route_apps();

// All but `gone` hold the lock.

// Keeps both until `gone` is called with the number. May raise.
uint32_t keep_route(VALUE entry, VALUE app);
VALUE route_entry(uint32_t number) noexcept;
VALUE route_app(uint32_t number) noexcept;
// Any thread, with or without the lock: nobody will ask for the number again. What it stood for is forgotten when the
// next route is kept.
void route_gone(uint32_t number) noexcept;

}  // namespace hyperion::ruby::rack
