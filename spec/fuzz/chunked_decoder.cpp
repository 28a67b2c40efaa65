// Fuzz target: http1::ChunkedDecoder. Any split of the same bytes gives the same content; what is accepted is what the
// plain reference accepts; the room is never exceeded.
#include "http1/chunked_decoder.hpp"

#include <array>

#include "http1/guard_page.hpp"
#include "input.hpp"
#include "reference.hpp"

using namespace hyperion;
using fuzz::require;
using http1::Progress;

namespace {

struct Decoded {
  Progress progress = Progress::incomplete;
  base::ErrorCode error = base::ErrorCode::none;
  bool too_large = false;
  std::string content;
  fuzz::Lines trailers;
  size_t size = 0;

  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(std::string_view bytes, const http::Limits& limits, const std::vector<size_t>& cuts, uint64_t room) {
  static test::GuardPage page;
  http1::ChunkedDecoder decoder{limits};
  http::FieldList trailers;
  Decoded decoded;
  fuzz::in_pieces(bytes, cuts, [&](std::string_view piece) {
    if (decoded.progress != Progress::incomplete || decoded.too_large) return;
    std::string_view rest = page.hold(piece);
    const size_t before = rest.size();
    decoded.progress = decoder.decode(rest, decoded.content, trailers, room - decoded.content.size());
    require(decoded.content.size() <= room, "no more than there is room for");
    decoded.too_large = decoded.progress == Progress::incomplete && !rest.empty();
    decoded.size += before - rest.size();
  });
  decoded.error = decoder.error();
  if (decoded.progress == Progress::complete) {
    for (const http::Field& field : trailers) {
      decoded.trailers.emplace_back(trailers.name(field), trailers.value(field));
    }
  } else {
    decoded.size = 0;
  }
  return decoded;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input{data, size};
  http::Limits limits;
  limits.max_header_bytes = std::array<uint64_t, 3>{65536, 20, 0}[input.choice(3)];
  limits.chunk_extension_bytes = std::array<uint64_t, 3>{16384, 8, 0}[input.choice(3)];
  const uint64_t room = std::array<uint64_t, 3>{UINT64_MAX, 10, 0}[input.choice(3)];
  const std::vector<size_t> cuts = input.cuts();
  const std::string_view bytes = input.rest();

  const Decoded whole = decode(bytes, limits, {}, room);
  require(decode(bytes, limits, cuts, room) == whole, "the same at any split");

  const auto expected = fuzz::reference_chunks(bytes);
  if (whole.progress == Progress::complete) {
    require(expected.has_value(), "nothing malformed is accepted");
    require(whole.content == expected->content, "the content");
    require(whole.size == expected->size, "the body's size");
    // Some fields may not be trailers; none is added or changed.
    size_t at = 0;
    for (const auto& line : whole.trailers) {
      while (at < expected->trailers.size() && expected->trailers[at] != line) ++at;
      require(at++ < expected->trailers.size(), "the trailers");
    }
  } else if (expected && limits.max_header_bytes != 20 && limits.chunk_extension_bytes != 8 && room == UINT64_MAX) {
    const bool limited = bytes.size() > 16384 || expected->trailers.size() > limits.max_header_fields;
    require(limited, "nothing well-formed is refused");
  }
  return 0;
}
