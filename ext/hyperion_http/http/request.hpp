// One request as an application sees it, whatever the protocol that carried it. Filled by a session on the I/O thread,
// then read by whoever answers. Recycled: clear() keeps the memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/cache_line.hpp"
#include "base/unique_fd.hpp"
#include "http/fields.hpp"

namespace hyperion::http {

enum class Method : uint8_t { get, head, post, put, patch, remove, options, connect, trace, other };
enum class Version : uint8_t { http10, http11, http2 };

// "HTTP/1.1": the value of SERVER_PROTOCOL.
constexpr std::string_view text_of(Version version) noexcept {
  switch (version) {
    case Version::http10: return "HTTP/1.0";
    case Version::http11: return "HTTP/1.1";
    case Version::http2: return "HTTP/2";
  }
  return "";
}

Method method_of(std::string_view token) noexcept;

// The decoded content of a request: in memory up to a limit, beyond it in an unlinked file with the rest in memory
// until that is written, too.
struct RequestBody {
  std::string memory;
  base::UniqueFd file;
  uint64_t file_size = 0;

  uint64_t size() const noexcept { return file_size + memory.size(); }
  void clear() noexcept;
};

// What every request has comes first: http/exchange.hpp says why.
struct alignas(base::kCacheLine) Request {
  Method method = Method::get;
  Version version = Version::http11;
  bool chunked = false;
  bool expects_continue = false;
  // The client, or its HTTP version, wants the connection to go on after the response.
  bool keep_alive = true;
  // The Upgrade field is there and Connection names it.
  bool upgrade = false;
  // Request target as it came, in absolute form too.
  Slice method_name;
  Slice target;
  // Parts of the target, not decoded: path ("*" for OPTIONS *), query without "?", and the authority of an absolute
  // form, otherwise the Host field's (RFC 9112 section 3.3).
  Slice path;
  Slice query;
  Slice authority;
  std::optional<uint64_t> content_length;
  FieldList fields;
  // Empty without has_body().
  RequestBody body;
  FieldList trailers;

  bool has_body() const noexcept { return chunked || content_length.value_or(0) > 0; }
  std::string_view view(Slice slice) const noexcept { return fields.view(slice); }
  void clear() noexcept;
};

}  // namespace hyperion::http
