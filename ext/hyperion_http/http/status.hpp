// Status codes (RFC 9110 section 15): reason phrases and what a status forbids.
#pragma once

#include <string_view>

namespace hyperion::http {

// Empty for a code without a registered phrase.
std::string_view reason_phrase(int status) noexcept;

// 1xx, 204 and 304 have no content (RFC 9110 sections 15.2, 15.3.5, 15.4.5).
constexpr bool forbids_body(int status) noexcept { return status < 200 || status == 204 || status == 304; }
// 1xx and 204 must not carry Content-Length either (RFC 9110 section 8.6).
constexpr bool forbids_content_length(int status) noexcept { return status < 200 || status == 204; }

}  // namespace hyperion::http
