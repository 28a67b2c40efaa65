#include "base/error.hpp"

#include <array>
#include <cstddef>
#include <cstring>

namespace hyperion::base {
namespace {

struct Row {
  std::string_view name;
  int status;
  Fate fate;
  std::string_view text;
};

constexpr std::array kRows = {
#define X(name, status, fate, text) Row{#name, status, Fate::fate, text},
    HYPERION_ERRORS(X)
#undef X
};

const Row& row_of(ErrorCode code) noexcept { return kRows[static_cast<size_t>(code)]; }

}  // namespace

int status_of(ErrorCode code) noexcept { return row_of(code).status; }
Fate fate_of(ErrorCode code) noexcept { return row_of(code).fate; }
std::string_view text_of(ErrorCode code) noexcept { return row_of(code).text; }
std::string_view name_of(ErrorCode code) noexcept { return row_of(code).name; }

std::string describe(const Error& error) {
  std::string text{text_of(error.code)};
  if (error.os_errno != 0) {
    char buffer[128];
    text += ": ";
    text += strerror_r(error.os_errno, buffer, sizeof buffer);
  }
  return text;
}

}  // namespace hyperion::base
