// The one list of what can go wrong: name, HTTP status, whether the connection survives, text for the log.
// Peers' faults and the system's refusals are values of this list; our own faults are assertions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hyperion::base {

// What becomes of the connection after the error has been answered.
enum class Fate : uint8_t { closes, survives };

// X(name, HTTP status or 0 when none is ever sent, fate, text)
// clang-format off
#define HYPERION_ERRORS(X)                                                                                     \
  X(none,                      0, survives, "no error")                                                        \
  /* RFC 9112 section 3: the request line */                                                                   \
  X(bad_method,              400, closes, "the method is not a token")                                         \
  X(bad_target,              400, closes, "the request target is malformed")                                   \
  X(bad_version,             400, closes, "the HTTP version is malformed")                                     \
  X(unsupported_version,     505, closes, "the HTTP major version is not supported")                           \
  X(bare_lf,                 400, closes, "a line ends in LF without CR")                                      \
  X(bare_cr,                 400, closes, "a CR stands without LF")                                            \
  X(target_too_long,         414, closes, "the request line is longer than max-header-bytes")                  \
  X(connect_unsupported,     501, closes, "CONNECT is not implemented")                                        \
  /* RFC 9112 section 5: field lines */                                                                        \
  X(bad_field_name,          400, closes, "a field name is not a token")                                       \
  X(space_before_colon,      400, closes, "white space stands before the colon of a field line")               \
  X(bad_field_value,         400, closes, "a field value holds a control character")                           \
  X(obs_fold,                400, closes, "a field line is folded")                                            \
  X(lookalike_field,         400, closes, "a field name imitates a framing field with underscores")            \
  X(head_too_large,          431, closes, "the request head is larger than max-header-bytes")                  \
  X(too_many_fields,         431, closes, "the request head has too many fields")                              \
  X(missing_host,            400, closes, "HTTP/1.1 needs a Host field")                                       \
  X(duplicate_host,          400, closes, "more than one Host field")                                          \
  X(bad_host,                400, closes, "the Host field is malformed")                                       \
  /* RFC 9112 section 6: framing */                                                                            \
  X(bad_content_length,      400, closes, "Content-Length is not a number")                                    \
  X(conflicting_lengths,     400, closes, "two different Content-Length values")                               \
  X(length_and_coding,       400, closes, "Content-Length together with Transfer-Encoding")                    \
  X(unknown_transfer_coding, 501, closes, "the transfer coding is not implemented")                            \
  X(chunked_not_final,       400, closes, "chunked is not the final transfer coding, or is applied twice")     \
  X(coding_on_http10,        400, closes, "Transfer-Encoding on HTTP/1.0")                                     \
  X(bad_chunk_size,          400, closes, "a chunk size is malformed or too large")                            \
  X(bad_chunk_extension,     400, closes, "a chunk extension is malformed or too long")                        \
  X(bad_chunk_end,           400, closes, "chunk data does not end in CRLF")                                   \
  X(bad_trailer,             400, closes, "a trailer field is malformed")                                      \
  X(trailer_too_large,       431, closes, "the trailer section is larger than max-header-bytes")               \
  /* Limits and time-outs */                                                                                   \
  X(body_too_large,          413, closes, "the request body is larger than max-body-bytes")                    \
  X(unmet_expectation,       417, closes, "the expectation cannot be met")                                     \
  X(head_timeout,            408, closes, "the request head was not complete within header-timeout")           \
  X(body_timeout,            408, closes, "the request body made no progress within body-timeout")             \
  X(read_timeout,            408, closes, "the request was not complete within max-request-read-seconds")      \
  X(body_too_slow,           408, closes, "the request body arrived slower than min-body-rate")                \
  X(write_timeout,             0, closes, "the client took nothing for write-timeout")                         \
  X(write_too_slow,            0, closes, "the client took its response slower than min-write-rate")          \
  X(idle_timeout,              0, closes, "the connection was idle for idle-keepalive")                        \
  X(reset_by_peer,             0, closes, "the client reset the connection")                                   \
  X(truncated_request,         0, closes, "the client closed in the middle of a request")                      \
  X(request_timeout,         504, survives, "the application did not answer within request-timeout")          \
  X(request_expired,         503, survives, "no app thread took the request within request-timeout")          \
  X(overloaded,              503, survives, "too many requests are waiting")                                   \
  X(shutting_down,           503, closes, "the server is stopping")                                            \
  /* Our side */                                                                                               \
  X(app_failed,              500, survives, "the application failed")                                          \
  X(body_storage_failed,     500, closes, "the request body could not be stored")                              \
  X(os_error,                  0, closes, "a system call failed")

enum class ErrorCode : uint8_t {
#define X(name, status, fate, text) name,
  HYPERION_ERRORS(X)
#undef X
};
// clang-format on

// HTTP status that answers the error; 0 when the connection just ends.
int status_of(ErrorCode code) noexcept;
Fate fate_of(ErrorCode code) noexcept;
// One clause without a final stop, for a log line.
std::string_view text_of(ErrorCode code) noexcept;
// The enumerator's own spelling: a stable key for logs, metrics and corpus files.
std::string_view name_of(ErrorCode code) noexcept;

// An error code with the errno behind it, where there is one.
struct Error {
  ErrorCode code = ErrorCode::none;
  int os_errno = 0;

  constexpr Error() noexcept = default;
  constexpr Error(ErrorCode what) noexcept : code(what) {}  // NOLINT(google-explicit-constructor)
  static constexpr Error os(int number) noexcept {
    Error error{ErrorCode::os_error};
    error.os_errno = number;
    return error;
  }
  constexpr explicit operator bool() const noexcept { return code != ErrorCode::none; }
  friend constexpr bool operator==(const Error&, const Error&) noexcept = default;
};

// Text for a log line, with strerror's words when an errno is known.
std::string describe(const Error& error);

}  // namespace hyperion::base
