#include "http1/prepared_image.hpp"

#include <array>
#include <cstring>

#include "base/assert.hpp"
#include "buffer/chunk_pool.hpp"
#include "http/date.hpp"
#include "http/status.hpp"

namespace hyperion::http1 {
namespace {

constexpr std::string_view kDateName = "\r\ndate: ";
constexpr std::string_view kNoDate = "Thu, 01 Jan 1970 00:00:00 GMT";
static_assert(kNoDate.size() == http::DateCache::kSize);

}  // namespace

HeadFacts facts_of(const http::Prepared& prepared) noexcept {
  HeadFacts facts{.status = prepared.status, .length = prepared.body.size()};
  // RFC 9110 section 8.6: in a 304 it would have to be the length of the response that is not sent.
  facts.has_length = !http::forbids_content_length(prepared.status) && prepared.status != 304;
  return facts;
}

void draw_image(http::Prepared& prepared) {
  buffer::ChunkPool chunks;
  buffer::OutputQueue out{chunks};
  HeadFacts facts = facts_of(prepared);
  facts.date = kNoDate;
  write_response_head(out, facts, prepared.fields);
  const bool with_body = prepared.body.size() <= kImageBody;
  if (out.size() + (with_body ? prepared.body.size() : 0) > buffer::Chunk::kCapacity) return;
  iovec piece{};
  if (out.as_iovecs({&piece, 1}) != 1 || piece.iov_len != out.size()) return;
  prepared.image.assign(static_cast<const char*>(piece.iov_base), piece.iov_len);
  prepared.head_size = prepared.image.size();
  // Nobody else may have said a date, and no value holds a line's end: this one is ours.
  prepared.date_at = prepared.image.find(kDateName) + kDateName.size();
  HYPERION_ASSERT(prepared.image.compare(prepared.date_at, kNoDate.size(), kNoDate) == 0);
  if (with_body) prepared.image.append(prepared.body);
}

void append_image(buffer::OutputQueue& out, const http::Prepared& prepared, std::string_view date, bool head_only) {
  const size_t size = head_only ? prepared.head_size : prepared.image.size();
  char* at = out.prepare(size);
  prepared.image.copy(at, size);
  std::memcpy(at + prepared.date_at, date.data(), http::DateCache::kSize);
  out.commit(size);
}

}  // namespace hyperion::http1
