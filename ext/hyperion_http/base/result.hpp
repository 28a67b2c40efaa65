// A value or the reason why there is none. Every fallible function of the core returns one.
#pragma once

#include <optional>
#include <utility>

#include "base/assert.hpp"
#include "base/error.hpp"

namespace hyperion::base {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}   // NOLINT(google-explicit-constructor)
  Result(Error error) noexcept : error_(error) {  // NOLINT(google-explicit-constructor)
    HYPERION_ASSERT(static_cast<bool>(error));
  }
  Result(ErrorCode code) noexcept : Result(Error{code}) {}  // NOLINT(google-explicit-constructor)

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  Error error() const noexcept { return error_; }

  T& value() & noexcept {
    HYPERION_ASSERT(ok());
    return *value_;
  }
  const T& value() const& noexcept {
    HYPERION_ASSERT(ok());
    return *value_;
  }
  T&& value() && noexcept {
    HYPERION_ASSERT(ok());
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
  Error error_;
};

// The value-less kind: what happened, or nothing wrong.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() noexcept = default;
  Result(Error error) noexcept : error_(error) {}    // NOLINT(google-explicit-constructor)
  Result(ErrorCode code) noexcept : error_(code) {}  // NOLINT(google-explicit-constructor)

  bool ok() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return ok(); }
  Error error() const noexcept { return error_; }

 private:
  Error error_;
};

using Status = Result<void>;

}  // namespace hyperion::base
