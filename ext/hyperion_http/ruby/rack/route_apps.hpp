// The Ruby side of every registered route: its entry object. A native route knows it by a number, which is given once
// in the life of the process; each RouteTable object keeps the entries of its own routes by their numbers, so that the
// collector sees who holds whom. What a request in flight still needs of a route that was replaced meanwhile stays
// until the route is gone.
#pragma once

#include <ruby.h>

#include <cstdint>

namespace hyperion::ruby::rack {

// All but `route_gone` hold the lock.

// Gives a number to `entry`, and `table` keeps it. May raise.
uint64_t keep_route(VALUE table, VALUE entry);
// `table` has the routes of `other` as well. May raise.
void share_routes(VALUE table, VALUE other);
// Drops what is gone from `table`; `all`: however long it takes. May raise.
void forget_gone_routes(VALUE table, size_t size, bool all);
// nil: `table` does not know the number.
VALUE route_entry(VALUE table, uint64_t number);
// What is called for a block; the first of `tables` (an Array) that knows it. Raises when none does.
VALUE route_app(VALUE tables, uint64_t number);
// Any thread, with or without the lock: nobody will ask for the number again.
void route_gone(uint64_t number) noexcept;

}  // namespace hyperion::ruby::rack
