// Field names that are known when the server is built, found without regard to case by one probe of a table that the
// compiler makes. The index of a name also indexes tables made elsewhere from the same list (the env keys of Rack).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/ascii.hpp"

namespace hyperion::http {

// X(enumerator, name in lower case)
// clang-format off
#define HYPERION_KNOWN_FIELDS(X)                                     \
  X(accept, "accept")                                                \
  X(accept_charset, "accept-charset")                                \
  X(accept_encoding, "accept-encoding")                              \
  X(accept_language, "accept-language")                              \
  X(access_control_request_headers, "access-control-request-headers")\
  X(access_control_request_method, "access-control-request-method")  \
  X(authorization, "authorization")                                  \
  X(cache_control, "cache-control")                                  \
  X(cf_connecting_ip, "cf-connecting-ip")                            \
  X(cf_ipcountry, "cf-ipcountry")                                    \
  X(cf_ray, "cf-ray")                                                \
  X(cf_visitor, "cf-visitor")                                        \
  X(connection, "connection")                                        \
  X(content_disposition, "content-disposition")                      \
  X(content_encoding, "content-encoding")                            \
  X(content_language, "content-language")                            \
  X(content_length, "content-length")                                \
  X(content_location, "content-location")                            \
  X(content_range, "content-range")                                  \
  X(content_type, "content-type")                                    \
  X(cookie, "cookie")                                                \
  X(date, "date")                                                    \
  X(dnt, "dnt")                                                      \
  X(early_data, "early-data")                                        \
  X(etag, "etag")                                                    \
  X(expect, "expect")                                                \
  X(expires, "expires")                                              \
  X(forwarded, "forwarded")                                          \
  X(from, "from")                                                    \
  X(grpc_timeout, "grpc-timeout")                                    \
  X(host, "host")                                                    \
  X(http2_settings, "http2-settings")                                \
  X(idempotency_key, "idempotency-key")                              \
  X(if_match, "if-match")                                            \
  X(if_modified_since, "if-modified-since")                          \
  X(if_none_match, "if-none-match")                                  \
  X(if_range, "if-range")                                            \
  X(if_unmodified_since, "if-unmodified-since")                      \
  X(keep_alive, "keep-alive")                                        \
  X(last_event_id, "last-event-id")                                  \
  X(last_modified, "last-modified")                                  \
  X(link, "link")                                                    \
  X(location, "location")                                            \
  X(max_forwards, "max-forwards")                                    \
  X(origin, "origin")                                                \
  X(pragma, "pragma")                                                \
  X(prefer, "prefer")                                                \
  X(priority, "priority")                                            \
  X(proxy_authorization, "proxy-authorization")                      \
  X(proxy_connection, "proxy-connection")                            \
  X(purpose, "purpose")                                              \
  X(range, "range")                                                  \
  X(referer, "referer")                                              \
  X(save_data, "save-data")                                          \
  X(sec_ch_ua, "sec-ch-ua")                                          \
  X(sec_ch_ua_mobile, "sec-ch-ua-mobile")                            \
  X(sec_ch_ua_platform, "sec-ch-ua-platform")                        \
  X(sec_fetch_dest, "sec-fetch-dest")                                \
  X(sec_fetch_mode, "sec-fetch-mode")                                \
  X(sec_fetch_site, "sec-fetch-site")                                \
  X(sec_fetch_storage_access, "sec-fetch-storage-access")            \
  X(sec_fetch_user, "sec-fetch-user")                                \
  X(sec_gpc, "sec-gpc")                                              \
  X(sec_purpose, "sec-purpose")                                      \
  X(sec_websocket_accept, "sec-websocket-accept")                    \
  X(sec_websocket_extensions, "sec-websocket-extensions")            \
  X(sec_websocket_key, "sec-websocket-key")                          \
  X(sec_websocket_protocol, "sec-websocket-protocol")                \
  X(sec_websocket_version, "sec-websocket-version")                  \
  X(server, "server")                                                \
  X(set_cookie, "set-cookie")                                        \
  X(te, "te")                                                        \
  X(traceparent, "traceparent")                                      \
  X(tracestate, "tracestate")                                        \
  X(trailer, "trailer")                                              \
  X(transfer_encoding, "transfer-encoding")                          \
  X(true_client_ip, "true-client-ip")                                \
  X(turbo_frame, "turbo-frame")                                      \
  X(upgrade, "upgrade")                                              \
  X(upgrade_insecure_requests, "upgrade-insecure-requests")          \
  X(user_agent, "user-agent")                                        \
  X(vary, "vary")                                                    \
  X(via, "via")                                                      \
  X(x_amzn_trace_id, "x-amzn-trace-id")                              \
  X(x_client_ip, "x-client-ip")                                      \
  X(x_correlation_id, "x-correlation-id")                            \
  X(x_csrf_token, "x-csrf-token")                                    \
  X(x_forwarded_for, "x-forwarded-for")                              \
  X(x_forwarded_host, "x-forwarded-host")                            \
  X(x_forwarded_port, "x-forwarded-port")                            \
  X(x_forwarded_proto, "x-forwarded-proto")                          \
  X(x_forwarded_scheme, "x-forwarded-scheme")                        \
  X(x_forwarded_server, "x-forwarded-server")                        \
  X(x_forwarded_ssl, "x-forwarded-ssl")                              \
  X(x_http_method_override, "x-http-method-override")                \
  X(x_original_host, "x-original-host")                              \
  X(x_original_url, "x-original-url")                                \
  X(x_real_ip, "x-real-ip")                                          \
  X(x_request_id, "x-request-id")                                    \
  X(x_request_start, "x-request-start")                              \
  X(x_requested_with, "x-requested-with")                            \
  X(x_turbo_request_id, "x-turbo-request-id")

enum class KnownField : uint8_t {
#define X(id, name) id,
  HYPERION_KNOWN_FIELDS(X)
#undef X
  count,
  other = 0xff,
};
// clang-format on

inline constexpr size_t kKnownFieldCount = static_cast<size_t>(KnownField::count);

namespace detail {

inline constexpr std::array<std::string_view, kKnownFieldCount> kKnownNames = {
#define X(id, name) std::string_view{name},
    HYPERION_KNOWN_FIELDS(X)
#undef X
};

inline constexpr size_t kProbeTable = 1024;

// Letters in either case give the same hash; four bytes tell the known names apart once `seed` is right.
constexpr size_t field_hash(std::string_view name, uint32_t seed) noexcept {
  const size_t size = name.size();
  const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(name[i])) | 0x20U; };
  const uint32_t mixed = at(0) | (at(size - 1) << 8) | (at(size / 2) << 16) | (at(size * 3 / 4) << 24);
  const uint32_t spread = (mixed ^ (static_cast<uint32_t>(size) * 0x01000193U)) * seed;
  return spread >> 22;
}

consteval uint32_t find_seed() {
  for (uint32_t seed = 0x9e3779b1U;; seed += 2) {
    std::array<bool, kProbeTable> taken{};
    bool unique = true;
    for (std::string_view name : kKnownNames) {
      bool& slot = taken[field_hash(name, seed)];
      if (slot) {
        unique = false;
        break;
      }
      slot = true;
    }
    if (unique) return seed;
  }
}

inline constexpr uint32_t kSeed = find_seed();

consteval std::array<KnownField, kProbeTable> probe_table() {
  std::array<KnownField, kProbeTable> table{};
  table.fill(KnownField::other);
  for (size_t i = 0; i < kKnownFieldCount; ++i) {
    table[field_hash(kKnownNames[i], kSeed)] = static_cast<KnownField>(i);
  }
  return table;
}

inline constexpr auto kProbe = probe_table();

}  // namespace detail

// The name in lower case. `field` is not `other`.
constexpr std::string_view name_of(KnownField field) noexcept {
  return detail::kKnownNames[static_cast<size_t>(field)];
}

// KnownField::other when the list does not have `name`. Any case.
constexpr KnownField find_known_field(std::string_view name) noexcept {
  if (name.empty()) return KnownField::other;
  const KnownField candidate = detail::kProbe[detail::field_hash(name, detail::kSeed)];
  if (candidate == KnownField::other) return candidate;
  const std::string_view known = name_of(candidate);
  if (known.size() != name.size()) return KnownField::other;
  for (size_t i = 0; i < name.size(); ++i) {
    if (base::to_lower(name[i]) != known[i]) return KnownField::other;
  }
  return candidate;
}

}  // namespace hyperion::http
