#include "http/response.hpp"

#include <cstring>
#include <utility>

#include "base/ascii.hpp"
#include "base/number.hpp"
#include "base/release.hpp"
#include "http/status.hpp"

namespace hyperion::http {
namespace {

bool valid_value(std::string_view value) noexcept {
  for (char c : value) {
    if (c == '\r' || c == '\n' || c == '\0') return false;
  }
  return true;
}

// True when the comma-separated list has `token`, in any case.
bool lists(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    if (base::iequals(base::trim_ows(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// Rack SPEC, "The Headers": between application and server only.
bool internal(std::string_view name) noexcept {
  return base::iequals(name, "status") || base::iequals(name.substr(0, 5), "rack.");
}

}  // namespace

std::string_view text_of(Response::FieldFault fault) noexcept {
  switch (fault) {
    case Response::FieldFault::none: return "no fault";
    case Response::FieldFault::bad_name: return "the header name is not a token";
    case Response::FieldFault::bad_value: return "the header value holds CR, LF or NUL";
    case Response::FieldFault::bad_length: return "content-length is not one number";
  }
  return "";
}

Response::FieldFault Response::add(std::string_view name, std::string_view value) {
  if (!base::is_token(name)) return FieldFault::bad_name;
  if (internal(name)) return FieldFault::none;  // never sent, so it may hold anything
  if (!valid_value(value)) return FieldFault::bad_value;
  const KnownField known = find_known_field(name);
  switch (known) {
    case KnownField::content_length: {
      const auto length = base::parse_decimal(base::trim_ows(value));
      if (!length || (declared_length && declared_length != length)) return FieldFault::bad_length;
      declared_length = length;
      return FieldFault::none;
    }
    case KnownField::transfer_encoding:
      declared_chunked = declared_chunked || lists(value, "chunked");
      return FieldFault::none;
    case KnownField::connection: wants_close = wants_close || lists(value, "close"); return FieldFault::none;
    case KnownField::keep_alive:
    case KnownField::proxy_connection:
    case KnownField::te: return FieldFault::none;
    case KnownField::upgrade:
      if (status != 101 && status != 426) return FieldFault::none;
      break;
    case KnownField::date: has_date = true; break;
    default: break;
  }
  fields.add(name, value, known);
  return FieldFault::none;
}

void Response::become_error(int error_status) {
  clear();
  status = error_status;
  const std::string_view phrase = reason_phrase(status);
  bytes = phrase.empty() ? "Error" : phrase;
  bytes += '\n';
  fields.add("content-type", "text/plain");
  if (status == 503) fields.add("retry-after", "1");
}

uint64_t Response::memory_size() const noexcept {
  uint64_t size = bytes.size();
  for (const buffer::Block& block : blocks) size += block.size;
  return size;
}

void Response::clear() noexcept {
  constexpr size_t kKeep = 64 * 1024;
  status = 200;
  fields.clear();
  body = Body::memory;
  if (bytes.capacity() > kKeep) {
    base::release(bytes);
  } else {
    bytes.clear();
  }
  for (const buffer::Block& block : blocks) {
    if (block.release != nullptr) block.release(block.owner);
  }
  blocks.clear();
  file = buffer::FileRange{};
  prepared = nullptr;
  declared_length.reset();
  declared_chunked = wants_close = has_date = hold_head = false;
}

}  // namespace hyperion::http
