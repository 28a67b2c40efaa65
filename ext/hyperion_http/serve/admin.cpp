#include "serve/admin.hpp"

#include "base/ascii.hpp"

namespace hyperion::serve {
namespace {

constexpr std::string_view kTokenField = "x-hyperion-admin-token";
constexpr std::string_view kBearer = "bearer ";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

void reply(http::Exchange& exchange, int status, std::string_view type, std::string_view body) noexcept {
  http::Response& response = exchange.response;
  response.status = status;
  (void)response.add("content-type", type);
  (void)response.add("cache-control", "no-store");
  response.bytes = body;
}

// A host that other machines cannot be.
bool is_loopback(std::string_view address) noexcept { return address.starts_with("127.") || address == "::1"; }

bool is_read(http::Method method) noexcept { return method == http::Method::get || method == http::Method::head; }

}  // namespace

bool same_secret(std::string_view secret, std::string_view given) noexcept {
  // Volatile: no compiler finds out that the rest does not matter any more.
  volatile unsigned difference = secret.size() == given.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    const auto expected = static_cast<unsigned char>(secret.empty() ? 0 : secret[i % secret.size()]);
    difference = difference | static_cast<unsigned>(expected ^ static_cast<unsigned char>(given[i]));
  }
  return difference == 0;
}

Verdict Admin::respond(http::Exchange& exchange) noexcept {
  // An own listener has these paths and no others; where there is one, the others have none of them.
  if (own_listener_ != exchange.origin.admin) return Verdict::not_mine;
  const Path path = path_of(exchange.request);
  if (path == Path::none && !own_listener_) return Verdict::not_mine;
  exchange.answerer = http::Answerer::admin;
  answer(exchange, path);
  return Verdict::answered;
}

Admin::Path Admin::path_of(const http::Request& request) noexcept {
  const std::string_view path = request.view(request.path);
  if (!path.starts_with("/-/")) return Path::none;
  if (path == "/-/healthz") return Path::health;
  if (path == "/-/readyz") return Path::ready;
  if (path == "/-/metrics") return Path::metrics;
  if (path == "/-/quit") return Path::quit;
  return Path::none;
}

// One token, in its own field or as a bearer token (RFC 6750), which is what monitoring systems can send.
bool Admin::authorized(const http::Request& request) const noexcept {
  if (token_.empty()) return true;
  std::string_view given;
  int tokens = 0;
  for (const http::Field& field : request.fields) {
    std::string_view value = request.fields.value(field);
    if (field.known == http::KnownField::authorization) {
      if (!base::iequals(value.substr(0, kBearer.size()), kBearer)) continue;
      value = base::trim_ows(value.substr(kBearer.size()));
    } else if (!base::iequals(request.fields.name(field), kTokenField)) {
      continue;
    }
    given = value;
    ++tokens;
  }
  return tokens == 1 && same_secret(token_, given);
}

// Without a token whoever reaches the listener may read; only this host may stop the server, and no web page that a
// browser on it shows: those say where they come from.
bool Admin::may_quit(const http::Exchange& exchange) const noexcept {
  if (!token_.empty()) return true;
  return is_loopback(exchange.origin.remote()) && !exchange.request.fields.find(http::KnownField::origin);
}

void Admin::answer(http::Exchange& exchange, Path path) noexcept {
  const http::Method method = exchange.request.method;
  const bool secret = path == Path::metrics || path == Path::quit;
  if (secret && !authorized(exchange.request)) {
    (void)exchange.response.add("www-authenticate", "Bearer");
    return reply(exchange, 401, kJson, "{\"error\":\"unauthorized\"}");
  }
  if (path != Path::none && (path == Path::quit ? method != http::Method::post : !is_read(method))) {
    (void)exchange.response.add("allow", path == Path::quit ? "POST" : "GET, HEAD");
    return reply(exchange, 405, kJson, "{\"error\":\"method not allowed\"}");
  }
  using Readiness = AdminHost::Readiness;
  const Readiness readiness = host_.readiness();
  switch (path) {
    case Path::none: break;
    case Path::health: return reply(exchange, 200, kJson, "{\"status\":\"ok\"}");
    case Path::ready:
      if (readiness == Readiness::ready) return reply(exchange, 200, kJson, "{\"status\":\"ready\"}");
      return reply(exchange, 503, kJson,
                   readiness == Readiness::draining ? "{\"status\":\"draining\"}" : "{\"status\":\"starting\"}");
    case Path::metrics: {
      std::string page;
      if (!host_.append_metrics(page)) break;
      return reply(exchange, 200, kMetricsType, page);
    }
    case Path::quit:
      if (!may_quit(exchange)) return reply(exchange, 403, kJson, "{\"error\":\"forbidden\"}");
      host_.quit();
      return reply(exchange, 202, kJson, "{\"status\":\"draining\"}");
  }
  reply(exchange, 404, kJson, "{\"error\":\"not found\"}");
}

}  // namespace hyperion::serve
