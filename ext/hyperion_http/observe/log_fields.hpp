// Fields that an application adds to a log line, as bytes on their way from the thread that has them to the log thread.
// They are bounded in every direction, and none can take the place of a field that the server writes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hyperion::observe {

// What a value is in JSON. The text of all but `text` and `number` says nothing.
enum class FieldKind : char { text = 's', number = 'n', yes = 't', no = 'f', nothing = '0' };

inline constexpr size_t kMostFields = 32;
inline constexpr size_t kMostFieldName = 64;
inline constexpr size_t kMostFieldText = 1024;
inline constexpr size_t kMostFieldBytes = 4096;

// The server's own, which no application sets.
inline constexpr std::array<std::string_view, 14> kAccessFields = {
    "ts",     "level",       "source", "message",     "method",       "path",       "query",
    "status", "duration_ms", "bytes",  "remote_addr", "http_version", "request_id", "fields_omitted"};
inline constexpr std::array<std::string_view, 5> kMessageFields = {"ts", "level", "source", "message",
                                                                   "fields_omitted"};

// Appends fields to `out`. A name that is reserved, there already or too long, and whatever is beyond the bounds is
// left out, and counted in a last field of its own. Texts that are too long are cut. Trivially destructible: it may
// stand where a Ruby jump passes.
class FieldsWriter {
 public:
  FieldsWriter(std::string& out, std::span<const std::string_view> reserved) noexcept
      : out_(out), begin_(out.size()), reserved_(reserved) {}

  void add(FieldKind kind, std::string_view name, std::string_view text);
  void finish();

 private:
  bool admits(std::string_view name) const noexcept;
  void append(FieldKind kind, std::string_view name, std::string_view text);

  std::string& out_;
  size_t begin_;
  std::span<const std::string_view> reserved_;
  size_t count_ = 0;
  uint64_t omitted_ = 0;
};

struct Field {
  FieldKind kind = FieldKind::nothing;
  std::string_view name;
  std::string_view text;
};

// Takes the first field off `packed`; false when there is none (or the bytes make no sense).
bool take_field(std::string_view& packed, Field& field) noexcept;

}  // namespace hyperion::observe
