// Makes the route of a response that is always the same: its full form, what a conditional request gets instead, and
// each as the bytes that HTTP/1.1 sends.
#pragma once

#include <string>
#include <string_view>

#include "serve/route.hpp"

namespace hyperion::server {

struct StaticAnswer {
  int status = 200;
  http::FieldList fields;
  std::string body;
  // Empty: no conditional requests. Otherwise it is among the fields, too.
  std::string etag;
};

base::Ref<const serve::Route> make_static_route(std::string_view method, std::string_view path, uint64_t number,
                                                serve::Route::Gone gone, StaticAnswer&& answer);
inline base::Ref<const serve::Route> make_block_route(std::string_view method, std::string_view path, uint64_t number,
                                                      serve::Route::Gone gone) {
  return base::Ref<const serve::Route>::adopt(new serve::Route{method, path, number, gone});
}

}  // namespace hyperion::server
