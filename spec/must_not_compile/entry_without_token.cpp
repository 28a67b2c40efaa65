// A function registered with Ruby takes the token first.
// expect: (no matching function|cannot convert|could not convert|too many arguments|invalid initialization)
#include "ruby/entry.hpp"
VALUE bare(VALUE self, std::span<const VALUE>) { return self; }
VALUE (*const wrong)(int, VALUE*, VALUE) = hyperion::ruby::entry<bare>;
