// Requests and routes for the tests of what answers without Ruby.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "http1/head_rules.hpp"
#include "http1/parser.hpp"
#include "server/static_route.hpp"

namespace hyperion::test {

// As the session fills it. `fields`: whole lines.
inline void fill(http::Request& request, std::string_view method, std::string_view target,
                 std::string_view fields = "") {
  request.clear();
  const http::Limits limits;
  http1::RequestParser parser{limits};
  std::string text{method};
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: a\r\n").append(fields).append("\r\n");
  if (parser.parse(text, request) != http1::Progress::complete) std::abort();
  if (http1::apply_head_rules(request, limits, parser.saw_underscore()) != base::ErrorCode::none) std::abort();
}

// A static route, as RouteTable#handle_static makes it.
inline base::Ref<const serve::Route> fixed(std::string_view method, std::string_view path, std::string_view body,
                                           std::string_view etag = "", uint64_t number = 0,
                                           serve::Route::Gone gone = nullptr) {
  server::StaticAnswer answer;
  answer.fields.add("content-type", "text/plain");
  if (!etag.empty()) answer.fields.add("etag", etag);
  answer.body = body;
  answer.etag = etag;
  return server::make_static_route(method, path, number, gone, std::move(answer));
}

inline base::Ref<const serve::Route> block(std::string_view method, std::string_view path, uint64_t number,
                                           serve::Route::Gone gone = nullptr) {
  return server::make_block_route(method, path, number, gone);
}

}  // namespace hyperion::test
