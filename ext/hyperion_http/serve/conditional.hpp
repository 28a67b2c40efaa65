// Conditional requests about a representation that is known by its entity tag (RFC 9110 section 13).
#pragma once

#include <string_view>

#include "http/request.hpp"

namespace hyperion::serve {

enum class Condition : uint8_t {
  met,           // answer as if nothing had been asked
  not_modified,  // 304: the client has it
  failed,        // 412: the client wants another one, or none
};

// `etag`: the current entity tag, quotes included. Reads If-Match, then If-None-Match (RFC 9110 section 13.2.2); dates
// are nothing to a representation that has an entity tag and no date.
Condition evaluate(const http::Request& request, std::string_view etag) noexcept;

// Whether `list`, the value of an If-Match or If-None-Match line, is "*" or names `etag`. `weak`: W/"a" is as good as
// "a" (RFC 9110 section 8.8.3.2). A member that is no entity tag ends the list: what stands behind it is not trusted.
bool names_etag(std::string_view list, std::string_view etag, bool weak) noexcept;

// DQUOTE *etagc DQUOTE, with W/ in front or not (RFC 9110 section 8.8.3).
bool is_etag(std::string_view text) noexcept;

}  // namespace hyperion::serve
