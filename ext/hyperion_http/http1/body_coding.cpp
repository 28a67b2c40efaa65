#include "http1/body_coding.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/release.hpp"

namespace hyperion::http1 {

namespace {

// From here on a block of its own is cheaper than copying into chunks.
constexpr size_t kOwnBlock = 16 * 1024;

}  // namespace

bool AuthorChunks::decode(std::string_view bytes, std::string& content) {
  if (plain_) {
    content.append(bytes);
    return true;
  }
  if (complete_) return true;  // after the last chunk: nothing that belongs to the body
  std::string_view rest = bytes;
  switch (decoder_.decode(rest, content, trailers_, UINT64_MAX)) {
    case Progress::complete: complete_ = true; break;
    case Progress::incomplete: break;
    case Progress::failed:
      if (!decoder_.before_first_chunk()) return false;
      plain_ = true;
      content.append(std::exchange(prefix_, std::string{}));
      content.append(bytes);
      return true;
  }
  if (decoder_.before_first_chunk()) {
    prefix_.append(bytes);
  } else {
    base::release(prefix_);
  }
  return true;
}

bool AuthorChunks::finish(std::string& content) {
  if (plain_ || complete_) return true;
  if (!decoder_.before_first_chunk()) return false;
  plain_ = true;
  content.append(std::exchange(prefix_, std::string{}));
  return true;
}

void BodyCoding::start(Framing framing, uint64_t length) noexcept {
  framing_ = framing;
  remaining_ = length;
  written_ = excess_ = 0;
}

uint64_t BodyCoding::admit(uint64_t size) noexcept {
  switch (framing_) {
    case Framing::none: return 0;
    case Framing::chunked:
    case Framing::until_close: written_ += size; return size;
    case Framing::counted: break;
  }
  const uint64_t fits = std::min(size, remaining_);
  remaining_ -= fits;
  excess_ += size - fits;
  written_ += fits;
  return fits;
}

void BodyCoding::open_chunk(buffer::OutputQueue& out, uint64_t size) {
  if (framing_ != Framing::chunked) return;
  char line[20];
  char* end = std::to_chars(line, line + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  out.append(std::string_view{line, static_cast<size_t>(end - line)});
}

void BodyCoding::close_chunk(buffer::OutputQueue& out) {
  if (framing_ == Framing::chunked) out.append("\r\n");
}

void BodyCoding::write(buffer::OutputQueue& out, std::string_view bytes) {
  const uint64_t size = admit(bytes.size());
  if (size == 0) return;  // an empty chunk would end the body
  open_chunk(out, size);
  out.append(bytes.substr(0, size));
  close_chunk(out);
}

void BodyCoding::write(buffer::OutputQueue& out, std::string&& bytes) {
  if (bytes.size() < kOwnBlock) return write(out, std::string_view{bytes});
  write(out, buffer::Block::own(std::move(bytes)));
}

void BodyCoding::write(buffer::OutputQueue& out, buffer::Block block) {
  const uint64_t size = admit(block.size);
  if (size == 0) {
    if (block.release != nullptr) block.release(block.owner);
    return;
  }
  block.size = size;
  open_chunk(out, size);
  out.append(block);
  close_chunk(out);
}

void BodyCoding::write(buffer::OutputQueue& out, buffer::FileRange range) {
  range.size = admit(range.size);
  if (range.size == 0) return;
  open_chunk(out, range.size);
  out.append(std::move(range));
  close_chunk(out);
}

bool BodyCoding::finish(buffer::OutputQueue& out) {
  if (framing_ == Framing::chunked) out.append("0\r\n\r\n");
  return missing() == 0;
}

}  // namespace hyperion::http1
