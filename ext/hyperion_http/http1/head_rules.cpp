#include "http1/head_rules.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.hpp"
#include "base/number.hpp"

namespace hyperion::http1 {
namespace {

using base::ErrorCode;
using http::KnownField;
using http::Method;
using http::Request;
using http::Slice;
using http::Version;

Slice part(Slice whole, size_t from, size_t to) noexcept {
  return {static_cast<uint32_t>(whole.begin + from), static_cast<uint32_t>(to - from)};
}

// The bytes of a reg-name (RFC 3986 section 3.2.2), besides "%" and its two digits.
consteval std::array<bool, 256> name_table() {
  std::array<bool, 256> table{};
  for (size_t c = 0; c < table.size(); ++c) {
    const char byte = static_cast<char>(c);
    table[c] = base::is_alpha(byte) || base::is_digit(byte);
  }
  for (char c : std::string_view{"-._~!$&'()*+,;="}) table[static_cast<unsigned char>(c)] = true;
  return table;
}

constexpr auto kNameByte = name_table();

bool valid_name(std::string_view name) noexcept {
  for (size_t i = 0; i < name.size(); ++i) {
    if (kNameByte[static_cast<unsigned char>(name[i])]) continue;
    if (name[i] != '%' || name.size() - i < 3) return false;
    if (base::hex_value(name[i + 1]) < 0 || base::hex_value(name[i + 2]) < 0) return false;
    i += 2;
  }
  return !name.empty();
}

// An IPv6 address by its bytes, not by its arithmetic: nobody connects to it. No zone (RFC 9110 section 4.2).
bool valid_ipv6(std::string_view address) noexcept {
  for (char c : address) {
    if (base::hex_value(c) < 0 && c != ':' && c != '.') return false;
  }
  return std::count(address.begin(), address.end(), ':') >= 2;
}

// uri-host [ ":" port ], or nothing (RFC 9110 section 7.2).
bool valid_authority(std::string_view text) noexcept {
  if (text.empty()) return true;
  size_t host_end = std::min(text.find(':'), text.size());
  if (text.front() == '[') {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || !valid_ipv6(text.substr(1, close - 1))) return false;
    host_end = close + 1;
  } else if (!valid_name(text.substr(0, host_end))) {
    return false;
  }
  if (host_end == text.size()) return true;
  if (text[host_end] != ':') return false;
  const std::string_view port = text.substr(host_end + 1);
  if (port.empty()) return true;
  const auto number = base::parse_decimal(port);
  return number.has_value() && *number <= 65535;
}

void split_path(Request& request, Slice rest) noexcept {
  const std::string_view text = request.view(rest);
  const size_t question = text.find('?');
  request.path = part(rest, 0, std::min(question, text.size()));
  request.query = question == std::string_view::npos ? Slice{} : part(rest, question + 1, text.size());
}

// RFC 9112 section 3.2: origin-form, absolute-form, asterisk-form; authority-form belongs to CONNECT alone.
ErrorCode apply_target(Request& request) noexcept {
  const std::string_view target = request.view(request.target);
  if (request.method == Method::connect) return ErrorCode::connect_unsupported;
  if (target.front() == '/') {
    split_path(request, request.target);
    return ErrorCode::none;
  }
  if (target == "*") {
    if (request.method != Method::options) return ErrorCode::bad_target;
    request.path = request.target;
    return ErrorCode::none;
  }
  size_t begin = 0;
  if (base::iequals(target.substr(0, 7), "http://")) begin = 7;
  if (base::iequals(target.substr(0, 8), "https://")) begin = 8;
  if (begin == 0) return ErrorCode::bad_target;
  const size_t end = std::min(target.find_first_of("/?", begin), target.size());
  request.authority = part(request.target, begin, end);
  if (end == begin || !valid_authority(request.view(request.authority))) return ErrorCode::bad_target;
  split_path(request, part(request.target, end, target.size()));
  // An absent path is "/" (RFC 9110 section 4.2.3): the one before the authority serves as its bytes.
  if (request.path.size == 0) request.path = part(request.target, begin - 1, begin);
  return ErrorCode::none;
}

template <class Visit>
void each_member(std::string_view list, Visit&& visit) {
  while (true) {
    const size_t comma = list.find(',');
    visit(base::trim_ows(list.substr(0, comma)));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// The framing fields as they are met; judged when all are known.
struct Framing {
  std::string_view length;
  bool has_length = false;
  bool lengths_differ = false;
  bool has_coding = false;
  bool unknown_coding = false;
  int chunked_count = 0;
  bool chunked_last = false;

  void add_length(std::string_view value) noexcept {
    lengths_differ = lengths_differ || (has_length && value != length);
    length = value;
    has_length = true;
  }

  void add_coding(std::string_view value) noexcept {
    has_coding = true;
    each_member(value, [&](std::string_view coding) {
      if (coding.empty()) return;
      chunked_last = base::iequals(coding, "chunked");
      if (chunked_last) {
        ++chunked_count;
      } else {
        unknown_coding = true;
      }
    });
  }

  ErrorCode judge(Request& request) const noexcept {
    if (has_coding) {
      if (request.version == Version::http10) return ErrorCode::coding_on_http10;
      if (has_length) return ErrorCode::length_and_coding;
      if (chunked_count > 1 || (chunked_count == 1 && !chunked_last)) return ErrorCode::chunked_not_final;
      if (unknown_coding) return ErrorCode::unknown_transfer_coding;
      if (chunked_count == 0) return ErrorCode::chunked_not_final;
      request.chunked = true;
      return ErrorCode::none;
    }
    if (!has_length) return ErrorCode::none;
    if (lengths_differ) return ErrorCode::conflicting_lengths;
    request.content_length = base::parse_decimal(length);
    return request.content_length ? ErrorCode::none : ErrorCode::bad_content_length;
  }
};

// Options of the Connection fields, all together.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;

  void add(std::string_view value) noexcept {
    each_member(value, [&](std::string_view option) {
      close = close || base::iequals(option, "close");
      keep_alive = keep_alive || base::iequals(option, "keep-alive");
      upgrade = upgrade || base::iequals(option, "upgrade");
    });
  }

  // RFC 9112 section 9.3
  bool persists(Version version) const noexcept { return !close && (keep_alive || version != Version::http10); }
};

// RFC 9110 section 10.1.1: nothing but 100-continue can be met. HTTP/1.0 has no expectations.
struct Expectations {
  bool continues = false;
  bool others = false;

  void add(std::string_view value) noexcept {
    each_member(value, [&](std::string_view expectation) {
      if (expectation.empty()) return;
      (base::iequals(expectation, "100-continue") ? continues : others) = true;
    });
  }
};

// Lower case, with "-" for "_": two names that are equal so share an env key.
std::string canonical(std::string_view name) {
  std::string text{name};
  for (char& c : text) c = c == '_' ? '-' : base::to_lower(c);
  return text;
}

bool imitates_framing(std::string_view name) {
  std::string bare;
  for (char c : name) {
    if (c != '_' && c != '-') bare.push_back(base::to_lower(c));
  }
  return bare == "contentlength" || bare == "transferencoding" || bare == "host";
}

// CGI turns "-" and "_" into the same letter, so an underscore name can pass for a field that a proxy has set or
// checked. Framing: refused. Others: dropped when the hyphenated field is there, or always, by option.
ErrorCode apply_underscore_rules(Request& request, const http::Limits& limits) {
  const http::FieldList& fields = request.fields;
  const auto has_underscore = [&](const http::Field& field) {
    return fields.name(field).find('_') != std::string_view::npos;
  };
  for (const http::Field& field : fields) {
    if (has_underscore(field) && imitates_framing(fields.name(field))) return ErrorCode::lookalike_field;
  }
  // Sorted, for where the number of fields has no limit a search through all of them for each would take for ever.
  std::vector<std::string> hyphenated;
  for (const http::Field& field : fields) {
    if (!has_underscore(field)) hyphenated.push_back(canonical(fields.name(field)));
  }
  std::sort(hyphenated.begin(), hyphenated.end());
  request.fields.remove_if([&](const http::Field& field) {
    if (!has_underscore(field)) return false;
    return limits.drop_underscore_fields ||
           std::binary_search(hyphenated.begin(), hyphenated.end(), canonical(fields.name(field)));
  });
  return ErrorCode::none;
}

}  // namespace

ErrorCode apply_head_rules(Request& request, const http::Limits& limits, bool saw_underscore) {
  if (const ErrorCode error = apply_target(request); error != ErrorCode::none) return error;
  if (saw_underscore) {
    if (const ErrorCode error = apply_underscore_rules(request, limits); error != ErrorCode::none) return error;
  }

  Framing framing;
  int hosts = 0;
  ConnectionOptions connection;
  Expectations expectations;
  bool upgrade_field = false;
  for (const http::Field& field : request.fields) {
    const std::string_view value = request.fields.value(field);
    switch (field.known) {
      case KnownField::content_length: framing.add_length(value); break;
      case KnownField::transfer_encoding: framing.add_coding(value); break;
      case KnownField::connection: connection.add(value); break;
      case KnownField::upgrade: upgrade_field = true; break;
      case KnownField::expect: expectations.add(value); break;
      case KnownField::host:
        if (++hosts > 1) return ErrorCode::duplicate_host;
        if (!valid_authority(value)) return ErrorCode::bad_host;
        if (request.authority.size == 0) request.authority = field.value;
        break;
      default: break;
    }
  }
  if (hosts == 0 && request.version == Version::http11) return ErrorCode::missing_host;
  request.keep_alive = connection.persists(request.version);
  if (const ErrorCode error = framing.judge(request); error != ErrorCode::none) return error;
  if (request.version == Version::http10) return ErrorCode::none;  // it has neither Upgrade nor Expect
  request.upgrade = upgrade_field && connection.upgrade;
  request.expects_continue = expectations.continues;
  return expectations.others ? ErrorCode::unmet_expectation : ErrorCode::none;
}

}  // namespace hyperion::http1
