#include "http1/response_head.hpp"

#include <charconv>
#include <cstring>
#include <string>

#include "http/status.hpp"

namespace hyperion::http1 {
namespace {

// Writes into memory that is known to suffice.
class Pen {
 public:
  explicit Pen(char* at) noexcept : at_(at) {}

  void write(std::string_view text) noexcept {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void write(uint64_t number) noexcept { at_ = std::to_chars(at_, at_ + 20, number).ptr; }
  void field(std::string_view name, std::string_view value) noexcept {
    write(name);
    write(": ");
    write(value);
    write("\r\n");
  }
  const char* at() const noexcept { return at_; }

 private:
  char* at_;
};

// Status line, our own fields and the empty line never take more.
constexpr size_t kOwnBytes = 320;

void write_head(Pen& pen, const HeadFacts& facts, const http::FieldList& fields) noexcept {
  if (facts.status == 200) {
    pen.write("HTTP/1.1 200 OK\r\n");
  } else {
    pen.write("HTTP/1.1 ");
    pen.write(static_cast<uint64_t>(facts.status));
    pen.write(" ");  // stays when the reason phrase is empty (RFC 9112 section 4)
    pen.write(http::reason_phrase(facts.status));
    pen.write("\r\n");
  }
  for (const http::Field& field : fields) pen.field(fields.name(field), fields.value(field));
  if (!facts.date.empty()) pen.field("date", facts.date);
  if (facts.has_length) {
    pen.write("content-length: ");
    pen.write(facts.length);
    pen.write("\r\n");
  }
  if (facts.chunked) pen.write("transfer-encoding: chunked\r\n");
  if (!facts.connection.empty()) pen.field("connection", facts.connection);
  pen.write("\r\n");
}

}  // namespace

void write_response_head(buffer::OutputQueue& out, const HeadFacts& facts, const http::FieldList& fields) {
  size_t most = kOwnBytes;
  for (const http::Field& field : fields) most += size_t{field.name.size} + field.value.size + 4;
  if (most <= buffer::Chunk::kCapacity) {
    char* begin = out.prepare(most);
    Pen pen{begin};
    write_head(pen, facts, fields);
    out.commit(static_cast<size_t>(pen.at() - begin));
    return;
  }
  std::string large;
  large.resize(most);
  Pen pen{large.data()};
  write_head(pen, facts, fields);
  large.resize(static_cast<size_t>(pen.at() - large.data()));
  out.append(large);
}

}  // namespace hyperion::http1
