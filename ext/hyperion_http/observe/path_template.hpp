// From the path of a request to the shape that it shares with others: /users/17/photos/4f3a9c2e.jpg becomes
// /users/:id/photos/:hex.jpg. What the label `path` has where the user gave no templater.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "observe/paths.hpp"

namespace hyperion::observe {

class PathTemplate {
 public:
  // The shape of `path` (no query): a view of it, or of this object until the next call. Empty: it is too long to be
  // told. Printable ASCII, whatever the path holds.
  //
  //   17, 2024-05-01                             :id     digits, with - and _ between them
  //   6fa459ea-ee8a-3ca4-894e-db77e160355e       :uuid
  //   4f3a9c2e, d41d8cd98f00b204e9800998ecf8427e :hex    8 or more hex digits, one of them 0 to 9
  //   eyJfcmFpbHMiOnsiZGF0YSI6MTcsInB1ciI6ImJs   :token  anything longer than 32 bytes
  //
  // An extension (.json) stays.
  std::string_view of(std::string_view path) noexcept;

 private:
  bool append(std::string_view bytes) noexcept;
  bool append_escaped(std::string_view bytes) noexcept;

  std::array<char, Paths::kLongest> bytes_;
  size_t size_ = 0;
};

}  // namespace hyperion::observe
