#include "server/static_route.hpp"

#include <utility>

#include "http1/prepared_image.hpp"

namespace hyperion::server {
namespace {

using http::KnownField;

constexpr std::string_view kFailedBody = "Precondition Failed\n";

// What a 304 leaves away: it describes a representation that is not there (RFC 9110 section 15.4.5).
bool describes_content(KnownField field) noexcept {
  switch (field) {
    case KnownField::content_type:
    case KnownField::content_encoding:
    case KnownField::content_language:
    case KnownField::content_disposition:
    case KnownField::last_modified: return true;
    default: return false;
  }
}

void prepare(http::Prepared& prepared, const base::Counted& owner, int status, std::string_view body) {
  prepared.status = status;
  prepared.body = body;
  prepared.owner = &owner;
  http1::draw_image(prepared);
}

}  // namespace

base::Ref<const serve::Route> make_static_route(std::string_view method, std::string_view path, uint64_t number,
                                                serve::Route::Gone gone, StaticAnswer&& answer) {
  auto* route = new serve::Route{method, path, number, gone};
  auto ref = base::Ref<const serve::Route>::adopt(route);
  serve::Route::Fixed& fixed = route->fixed.emplace();
  fixed.body = std::move(answer.body);
  fixed.etag = std::move(answer.etag);
  if (!fixed.etag.empty()) {
    http::Prepared& not_modified = fixed.not_modified.emplace();
    for (const http::Field& field : answer.fields) {
      if (describes_content(field.known)) continue;
      not_modified.fields.add(answer.fields.name(field), answer.fields.value(field), field.known);
    }
    prepare(not_modified, *route, 304, {});
    http::Prepared& failed = fixed.failed.emplace();
    failed.fields.add("content-type", "text/plain");
    failed.fields.add("etag", fixed.etag);
    prepare(failed, *route, 412, kFailedBody);
  }
  fixed.full.fields = std::move(answer.fields);
  prepare(fixed.full, *route, answer.status, fixed.body);
  return ref;
}

}  // namespace hyperion::server
