// How the content of one HTTP/1 response is cut to its framing: chunked, counted, or until the connection closes
// (RFC 9112 section 6). The author's own chunked coding is undone first, so that it never reaches the wire twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "buffer/output_queue.hpp"
#include "http/limits.hpp"
#include "http1/chunked_decoder.hpp"

namespace hyperion::http1 {

// Undoes an author's chunked coding. An author who only set the field, and whose body is not coded, is forgiven: what
// does not begin with a chunk is content.
class AuthorChunks {
 public:
  explicit AuthorChunks(const http::Limits& limits) noexcept : decoder_(limits) {}

  // Appends the content of `bytes` to `content`. False: the coding broke off in the middle.
  bool decode(std::string_view bytes, std::string& content);
  // The body has ended: what was undecided is content. False: the last chunk is missing.
  bool finish(std::string& content);

 private:
  ChunkedDecoder decoder_;
  http::FieldList trailers_;
  std::string prefix_;  // what was read before it was clear that chunks come
  bool plain_ = false;
  bool complete_ = false;
};

class BodyCoding {
 public:
  enum class Framing : uint8_t { none, counted, chunked, until_close };

  void start(Framing framing, uint64_t length) noexcept;
  Framing framing() const noexcept { return framing_; }

  // Append content. What exceeds a counted body is cut.
  void write(buffer::OutputQueue& out, std::string&& bytes);
  void write(buffer::OutputQueue& out, std::string_view bytes);
  void write(buffer::OutputQueue& out, buffer::Block block);
  void write(buffer::OutputQueue& out, buffer::FileRange range);
  // Content that stands in the queue already; not of a chunked body.
  void count(uint64_t size) noexcept { (void)admit(size); }
  // The end of the content: true when the message is complete on the wire.
  bool finish(buffer::OutputQueue& out);

  // Content written, without its framing.
  uint64_t written() const noexcept { return written_; }
  // Content that did not fit the declared length.
  uint64_t excess() const noexcept { return excess_; }
  // Content that the declared length promises and that has not come.
  uint64_t missing() const noexcept { return framing_ == Framing::counted ? remaining_ : 0; }

 private:
  // How much of `size` may be written.
  uint64_t admit(uint64_t size) noexcept;
  void open_chunk(buffer::OutputQueue& out, uint64_t size);
  void close_chunk(buffer::OutputQueue& out);

  Framing framing_ = Framing::none;
  uint64_t remaining_ = 0;
  uint64_t written_ = 0;
  uint64_t excess_ = 0;
};

}  // namespace hyperion::http1
