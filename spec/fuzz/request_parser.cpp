// Fuzz target: http1::RequestParser and http1::apply_head_rules. Any split of the same bytes gives the same verdict;
// what is accepted is what the plain reference accepts; and what the rules accept keeps its promises.
#include "http1/guard_page.hpp"
#include "http1/head_rules.hpp"
#include "http1/parser.hpp"
#include "http1/scan.hpp"
#include "input.hpp"
#include "reference.hpp"

using namespace hyperion;
using fuzz::require;
using http1::Progress;

namespace {

struct Verdict {
  Progress progress = Progress::incomplete;
  base::ErrorCode error = base::ErrorCode::none;
  size_t consumed = 0;
  bool underscore = false;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

Verdict parse(std::string_view bytes, const http::Limits& limits, const std::vector<size_t>& cuts,
              http::Request& request) {
  static test::GuardPage page;
  http1::RequestParser parser{limits};
  Verdict verdict;
  size_t size = 0;
  fuzz::in_pieces(bytes, cuts, [&](std::string_view piece) {
    size += piece.size();
    if (verdict.progress == Progress::incomplete) {
      verdict.progress = parser.parse(page.hold(bytes.substr(0, size)), request);
    }
  });
  verdict.error = parser.error();
  verdict.consumed = parser.consumed();
  verdict.underscore = verdict.progress == Progress::complete && parser.saw_underscore();
  return verdict;
}

fuzz::Lines lines(const http::FieldList& fields) {
  fuzz::Lines all;
  for (const http::Field& field : fields) all.emplace_back(fields.name(field), fields.value(field));
  return all;
}

void check_rules(http::Request& request, const http::Limits& limits, bool underscore) {
  if (http1::apply_head_rules(request, limits, underscore) != base::ErrorCode::none) return;
  require(!(request.chunked && request.content_length), "one framing");
  const std::string_view path = request.view(request.path);
  require(path.starts_with('/') || path == "*", "a path");
  require(request.view(request.query).find('#') == std::string_view::npos, "no fragment");
  require(request.version == http::Version::http10 || request.fields.find(http::KnownField::host).has_value(),
          "a Host");
  if (request.chunked) require(request.version != http::Version::http10, "chunked on 1.1");
  size_t codings = 0;
  for (const http::Field& field : request.fields) {
    codings += field.known == http::KnownField::transfer_encoding ? 1 : 0;
    for (const char c : request.fields.value(field)) require(c != '\r' && c != '\n' && c != '\0', "clean values");
  }
  require(request.chunked == (codings > 0), "chunked because it was said");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input{data, size};
  http::Limits limits;
  limits.max_header_bytes = std::array<uint64_t, 4>{65536, 64, 200, 0}[input.choice(4)];
  limits.max_header_fields = std::array<uint64_t, 3>{256, 3, 0}[input.choice(3)];
  limits.drop_underscore_fields = input.flag();
  const std::vector<size_t> cuts = input.cuts();
  const std::string_view bytes = http1::without_empty_lines(input.rest());
  const std::string_view all = input.rest();
  std::vector<size_t> shifted;
  for (const size_t cut : cuts) {
    if (cut > all.size() - bytes.size()) shifted.push_back(cut - (all.size() - bytes.size()));
  }

  http::Request whole;
  const Verdict verdict = parse(bytes, limits, {}, whole);
  http::Request split;
  require(parse(bytes, limits, shifted, split) == verdict, "the same at any split");
  if (verdict.progress == Progress::complete) require(lines(split.fields) == lines(whole.fields), "the same fields");

  const auto expected = fuzz::reference_head(bytes);
  const bool fits = limits.max_header_bytes == 0 || (expected && expected->size <= limits.max_header_bytes);
  const bool few = limits.max_header_fields == 0 || (expected && expected->fields.size() <= limits.max_header_fields);
  require((verdict.progress == Progress::complete) == (expected.has_value() && fits && few),
          "what the grammar accepts");
  if (verdict.progress == Progress::complete) {
    require(verdict.consumed == expected->size, "the head's size");
    require(whole.view(whole.method_name) == expected->method, "the method");
    require(whole.view(whole.target) == expected->target, "the target");
    require((whole.version == http::Version::http10) == (expected->minor == '0'), "the version");
    require(lines(whole.fields) == expected->fields, "the fields");
    check_rules(whole, limits, verdict.underscore);
  }

  const char* from = bytes.data();
  const char* to = from + bytes.size();
  require(http1::scan_field_value(from, to) == http1::scan_field_value_scalar(from, to), "one scanner is the other");
  return 0;
}
