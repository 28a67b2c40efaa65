// The admin paths: which exist where, who may use them, and what they say.
#include "serve/admin.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace hyperion::serve {
namespace {

struct Host final : AdminHost {
  Readiness readiness() const noexcept override { return ready; }
  bool append_metrics(std::string& out) const noexcept override {
    if (metrics) out += "a_total 1\n";
    return metrics;
  }
  void quit() noexcept override { ++quits; }

  Readiness ready = Readiness::ready;
  bool metrics = true;
  int quits = 0;
};

struct NoMail final : http::Mailbox {
  void post(http::Exchange&) noexcept override {}
};

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

class Rig {
 public:
  explicit Rig(std::string token, bool own_listener = false) : admin(std::move(token), own_listener, host) {}

  // The status, 0: none of its business.
  int ask(std::string_view method, std::string_view path, const Fields& fields = {}) {
    exchange.clear();
    http::Request& request = exchange.request;
    request.method_name = request.fields.append(method);
    request.method = http::method_of(method);
    request.path = request.fields.append(path);
    for (const auto& [name, value] : fields) request.fields.add(name, value);
    if (admin.respond(exchange) == Verdict::not_mine) return 0;
    return exchange.response.status;
  }
  void from(std::string_view address, bool own_listener) {
    exchange.origin = {};
    std::copy(address.begin(), address.end(), exchange.origin.address.begin());
    exchange.origin.address_size = static_cast<uint8_t>(address.size());
    exchange.origin.admin = own_listener;
  }
  std::string_view body() const { return exchange.response.bytes; }
  std::string_view field(http::KnownField known) const { return exchange.response.fields.find(known).value_or(""); }

  Host host;
  NoMail mail;
  http::Exchange exchange{mail};
  Admin admin;
};

const Fields kToken = {{"X-Hyperion-Admin-Token", "secret"}};

}  // namespace

TEST_CASE("admin: health needs no token, metrics and quit do") {
  Rig rig{"secret"};
  CHECK(rig.ask("GET", "/-/healthz") == 200);
  CHECK(rig.body() == "{\"status\":\"ok\"}");
  CHECK(rig.ask("GET", "/-/readyz") == 200);
  CHECK(rig.body() == "{\"status\":\"ready\"}");
  CHECK(rig.exchange.answerer == http::Answerer::admin);
  CHECK(rig.ask("GET", "/-/metrics") == 401);
  CHECK(rig.body() == "{\"error\":\"unauthorized\"}");
  CHECK(rig.ask("POST", "/-/quit") == 401);
  CHECK(rig.host.quits == 0);
  CHECK(rig.ask("GET", "/-/metrics", kToken) == 200);
  CHECK(rig.body() == "a_total 1\n");
  CHECK(rig.field(http::KnownField::content_type) == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(rig.ask("HEAD", "/-/metrics", kToken) == 200);
  CHECK(rig.ask("POST", "/-/quit", kToken) == 202);
  CHECK(rig.body() == "{\"status\":\"draining\"}");
  CHECK(rig.host.quits == 1);
}

TEST_CASE("admin: a bearer token is as good") {
  Rig rig{"secret"};
  CHECK(rig.ask("GET", "/-/metrics", {{"Authorization", "Bearer secret"}}) == 200);
  CHECK(rig.ask("GET", "/-/metrics", {{"authorization", "bearer  secret"}}) == 200);
  CHECK(rig.ask("GET", "/-/metrics", {{"Authorization", "Basic secret"}}) == 401);
  CHECK(rig.ask("GET", "/-/metrics", {{"Authorization", "Bearer"}}) == 401);
}

TEST_CASE("admin: every guess is the same 401") {
  Rig rig{"secret"};
  for (const std::string_view guess : {"", "s", "secre", "secret1", "secretsecret", "SECRET", "secres"}) {
    CHECK(rig.ask("GET", "/-/metrics", {{"X-Hyperion-Admin-Token", guess}}) == 401);
    CHECK(rig.body() == "{\"error\":\"unauthorized\"}");
  }
  CHECK(rig.ask("GET", "/-/metrics", {{"X-Hyperion-Admin-Token", "x"}, {"X-Hyperion-Admin-Token", "secret"}}) == 401);
  CHECK(rig.ask("POST", "/-/quit", {{"X-Hyperion_Admin_Token", "secret"}}) == 401);
  CHECK(rig.host.quits == 0);
}

TEST_CASE("admin: the secret is compared whole") {
  CHECK(same_secret("secret", "secret"));
  for (const std::string_view other : {"", "secre", "secret ", "Secret", "secretsecret"}) {
    CHECK_FALSE(same_secret("secret", other));
  }
  CHECK_FALSE(same_secret("", "x"));
}

TEST_CASE("admin: another method is told which ones there are") {
  Rig rig{"secret"};
  CHECK(rig.ask("POST", "/-/healthz") == 405);
  CHECK(rig.field(http::KnownField::content_type) == "application/json");
  CHECK(rig.ask("DELETE", "/-/metrics", kToken) == 405);
  CHECK(rig.ask("DELETE", "/-/metrics") == 401);
  CHECK(rig.ask("GET", "/-/quit", kToken) == 405);
  CHECK(rig.host.quits == 0);
}

TEST_CASE("admin: readiness is told") {
  Rig rig{"secret"};
  rig.host.ready = AdminHost::Readiness::draining;
  CHECK(rig.ask("GET", "/-/readyz") == 503);
  CHECK(rig.body() == "{\"status\":\"draining\"}");
  CHECK(rig.ask("GET", "/-/healthz") == 200);
  rig.host.ready = AdminHost::Readiness::starting;
  CHECK(rig.ask("GET", "/-/readyz") == 503);
  CHECK(rig.body() == "{\"status\":\"starting\"}");
}

TEST_CASE("admin: paths are exact, and the rest is the application's") {
  Rig rig{"secret"};
  for (const std::string_view path :
       {"/", "/-/", "/-/metrics/", "/-/Metrics", "//-/metrics", "/%2D/metrics", "/-/quit.json"}) {
    CHECK(rig.ask("GET", path, kToken) == 0);
  }
}

TEST_CASE("admin: with a listener of their own the paths are there and nowhere else, and nothing else is there") {
  Rig rig{"secret", true};
  rig.from("127.0.0.1", false);
  CHECK(rig.ask("GET", "/-/healthz") == 0);
  CHECK(rig.ask("GET", "/-/metrics", kToken) == 0);
  rig.from("127.0.0.1", true);
  CHECK(rig.ask("GET", "/-/healthz") == 200);
  CHECK(rig.ask("GET", "/-/metrics") == 401);
  CHECK(rig.ask("GET", "/-/metrics", kToken) == 200);
  CHECK(rig.ask("GET", "/") == 404);
  CHECK(rig.ask("POST", "/app") == 404);
  Rig other{"secret"};
  other.from("127.0.0.1", true);
  CHECK(other.ask("GET", "/-/healthz") == 0);
}

TEST_CASE("admin: without a token only this host may stop the server, and no web page in its browser") {
  Rig rig{"", true};
  rig.from("10.0.0.7", true);
  CHECK(rig.ask("GET", "/-/metrics") == 200);
  CHECK(rig.ask("POST", "/-/quit") == 403);
  rig.from("127.0.0.1", true);
  CHECK(rig.ask("POST", "/-/quit", {{"Origin", "http://evil.example"}}) == 403);
  CHECK(rig.host.quits == 0);
  CHECK(rig.ask("POST", "/-/quit") == 202);
  rig.from("::1", true);
  CHECK(rig.ask("POST", "/-/quit") == 202);
  CHECK(rig.host.quits == 2);
}

TEST_CASE("admin: metrics that are off are not there") {
  Rig rig{"secret"};
  rig.host.metrics = false;
  CHECK(rig.ask("GET", "/-/metrics", kToken) == 404);
  CHECK(rig.ask("GET", "/-/healthz") == 200);
}

}  // namespace hyperion::serve
