#include "serve/conditional.hpp"

#include "base/ascii.hpp"

namespace hyperion::serve {
namespace {

constexpr std::string_view kWeak = "W/";

// etagc: anything visible but DQUOTE, and obs-text.
bool is_etagc(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != '"' && byte != 0x7f;
}

// Size of the entity tag that `text` begins with; 0 when it begins with none.
size_t etag_size(std::string_view text) noexcept {
  const size_t begin = text.starts_with(kWeak) ? kWeak.size() : 0;
  if (text.size() <= begin || text[begin] != '"') return 0;
  size_t end = begin + 1;
  while (end < text.size() && is_etagc(text[end])) ++end;
  return end < text.size() && text[end] == '"' ? end + 1 : 0;
}

bool same(std::string_view a, std::string_view b, bool weak) noexcept {
  if (!weak) return !a.starts_with(kWeak) && a == b;
  if (a.starts_with(kWeak)) a.remove_prefix(kWeak.size());
  if (b.starts_with(kWeak)) b.remove_prefix(kWeak.size());
  return a == b;
}

enum class Asked : uint8_t { nothing, named, not_named };

Asked ask(const http::Request& request, http::KnownField which, std::string_view etag, bool weak) noexcept {
  Asked asked = Asked::nothing;
  for (const http::Field& field : request.fields) {
    if (field.known != which) continue;
    if (names_etag(request.fields.value(field), etag, weak)) return Asked::named;
    asked = Asked::not_named;
  }
  return asked;
}

}  // namespace

bool is_etag(std::string_view text) noexcept { return !text.empty() && etag_size(text) == text.size(); }

bool names_etag(std::string_view list, std::string_view etag, bool weak) noexcept {
  if (base::trim_ows(list) == "*") return true;
  while (true) {
    // Empty members count for nothing (RFC 9110 section 5.6.1.2).
    while (!list.empty() && (base::is_ows(list.front()) || list.front() == ',')) list.remove_prefix(1);
    const size_t size = etag_size(list);
    if (size == 0) return false;
    const std::string_view member = list.substr(0, size);
    list.remove_prefix(size);
    while (!list.empty() && base::is_ows(list.front())) list.remove_prefix(1);
    if (!list.empty() && list.front() != ',') return false;
    if (same(member, etag, weak)) return true;
  }
}

Condition evaluate(const http::Request& request, std::string_view etag) noexcept {
  using http::KnownField;
  if (ask(request, KnownField::if_match, etag, false) == Asked::not_named) return Condition::failed;
  if (ask(request, KnownField::if_none_match, etag, true) != Asked::named) return Condition::met;
  const bool reads = request.method == http::Method::get || request.method == http::Method::head;
  return reads ? Condition::not_modified : Condition::failed;
}

}  // namespace hyperion::serve
