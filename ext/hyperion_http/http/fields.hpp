// A list of field lines (RFC 9110 section 5) in the order of arrival, over one run of bytes that the list owns.
// Request heads, trailers and response heads are all kept so. Clearing keeps the memory for the next message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/release.hpp"
#include "http/known_fields.hpp"

namespace hyperion::http {

// A run of bytes inside a FieldList.
struct Slice {
  uint32_t begin = 0;
  uint32_t size = 0;
};

struct Field {
  Slice name;
  Slice value;
  KnownField known = KnownField::other;
};

class FieldList {
 public:
  // Copies both. Names keep their spelling.
  void add(std::string_view name, std::string_view value, KnownField known) {
    fields_.push_back({append(name), append(value), known});
  }
  void add(std::string_view name, std::string_view value) { add(name, value, find_known_field(name)); }

  // Appends bytes that slices may refer to.
  Slice append(std::string_view bytes) {
    const Slice slice{static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(bytes.size())};
    bytes_.append(bytes);
    return slice;
  }
  // For a parser: slices relative to the bytes given to `adopt` later.
  void add(const Field& field) { fields_.push_back(field); }
  void adopt(std::string_view bytes) { bytes_.assign(bytes); }

  // `drop` is asked once for each field, while the list still has all of them.
  template <class Drop>
  void remove_if(Drop&& drop) {
    std::vector<Field> kept;
    kept.reserve(fields_.size());
    for (const Field& field : fields_) {
      if (!drop(field)) kept.push_back(field);
    }
    fields_ = std::move(kept);
  }

  void clear() noexcept {
    // A rare giant does not stay with a recycled exchange for ever.
    if (fields_.capacity() > kKeepFields) {
      fields_ = std::vector<Field>{};
    } else {
      fields_.clear();
    }
    if (bytes_.capacity() > kKeep) {
      base::release(bytes_);
    } else {
      bytes_.clear();
    }
  }

  size_t size() const noexcept { return fields_.size(); }
  bool empty() const noexcept { return fields_.empty(); }
  // Views are valid until the list changes. Empty where the bytes are not there: of a head that was never complete.
  std::string_view view(Slice slice) const noexcept {
    if (size_t{slice.begin} + slice.size > bytes_.size()) return {};
    return {bytes_.data() + slice.begin, slice.size};
  }
  std::string_view name(const Field& field) const noexcept { return view(field.name); }
  std::string_view value(const Field& field) const noexcept { return view(field.value); }
  auto begin() const noexcept { return fields_.begin(); }
  auto end() const noexcept { return fields_.end(); }

  // The first field of that name.
  std::optional<std::string_view> find(KnownField known) const noexcept {
    for (const Field& field : fields_) {
      if (field.known == known) return value(field);
    }
    return std::nullopt;
  }

 private:
  static constexpr size_t kKeep = 16 * 1024;
  static constexpr size_t kKeepFields = 512;

  std::vector<Field> fields_;
  std::string bytes_;
};

}  // namespace hyperion::http
