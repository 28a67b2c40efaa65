#include "observe/log_fields.hpp"

#include <algorithm>

#include "base/number.hpp"

namespace hyperion::observe {
namespace {

//   [kind: 1] [size of the name: 1] [size of the text: 2, low byte first] [name] [text]
constexpr size_t kHead = 4;

constexpr std::string_view kEllipsis = "\xe2\x80\xa6";

unsigned char byte_at(std::string_view text, size_t at) noexcept { return static_cast<unsigned char>(text[at]); }

// JSON takes it as it is.
bool looks_like_a_number(std::string_view text) noexcept {
  constexpr size_t kMost = 40;
  return !text.empty() && text.size() <= kMost && text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

// Where to cut, so that no character is cut in two.
size_t cut_at(std::string_view text, size_t most) noexcept {
  size_t size = most;
  while (size > most - 4 && (byte_at(text, size) & 0xc0) == 0x80) --size;
  return size;
}

}  // namespace

bool FieldsWriter::admits(std::string_view name) const noexcept {
  if (name.empty() || name.size() > kMostFieldName || count_ >= kMostFields) return false;
  if (std::find(reserved_.begin(), reserved_.end(), name) != reserved_.end()) return false;
  std::string_view rest = std::string_view{out_}.substr(begin_);
  Field field;
  while (take_field(rest, field)) {
    if (field.name == name) return false;
  }
  return true;
}

void FieldsWriter::add(FieldKind kind, std::string_view name, std::string_view text) {
  if (kind == FieldKind::number && !looks_like_a_number(text)) kind = FieldKind::text;
  if (kind != FieldKind::text && kind != FieldKind::number) text = {};
  const bool cut = text.size() > kMostFieldText;
  if (cut) text = text.substr(0, cut_at(text, kMostFieldText - kEllipsis.size()));
  const size_t size = kHead + name.size() + text.size() + (cut ? kEllipsis.size() : 0);
  if (!admits(name) || out_.size() - begin_ + size > kMostFieldBytes) {
    ++omitted_;
    return;
  }
  ++count_;
  append(kind, name, text);
  if (!cut) return;
  const size_t whole = text.size() + kEllipsis.size();
  const size_t head = out_.size() - text.size() - name.size() - kHead;
  out_[head + 2] = static_cast<char>(whole & 0xff);
  out_[head + 3] = static_cast<char>(whole >> 8);
  out_ += kEllipsis;
}

void FieldsWriter::finish() {
  if (omitted_ == 0) return;
  std::string count;
  base::append_decimal(count, omitted_);
  append(FieldKind::number, "fields_omitted", count);
}

void FieldsWriter::append(FieldKind kind, std::string_view name, std::string_view text) {
  const char head[kHead] = {static_cast<char>(kind), static_cast<char>(name.size()),
                            static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  out_.append(head, kHead);
  out_ += name;
  out_ += text;
}

bool take_field(std::string_view& packed, Field& field) noexcept {
  if (packed.size() < kHead) return false;
  const size_t name_size = byte_at(packed, 1);
  const size_t text_size = byte_at(packed, 2) + (size_t{byte_at(packed, 3)} << 8);
  if (packed.size() < kHead + name_size + text_size) return false;
  field.kind = static_cast<FieldKind>(packed.front());
  field.name = packed.substr(kHead, name_size);
  field.text = packed.substr(kHead + name_size, text_size);
  packed.remove_prefix(kHead + name_size + text_size);
  return true;
}

}  // namespace hyperion::observe
