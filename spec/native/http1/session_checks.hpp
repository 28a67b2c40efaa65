// Questions that the session's tests ask of a rig.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "response_reader.hpp"
#include "session_rig.hpp"

namespace hyperion::test {

inline constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view kHead = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view kGet10 = "GET / HTTP/1.0\r\n\r\n";
inline constexpr std::string_view kGet10KeepAlive = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";

// Everything that was sent, as a client reads it.
inline std::vector<ReadResponse> responses(const SessionRig& rig) {
  ResponseReader reader{rig.sent, rig.methods, rig.session.phase() == http::Phase::closing};
  const bool good = reader.read_all();
  INFO("wire: " << rig.sent.substr(0, 2000));
  INFO(reader.error());
  CHECK(good);
  return std::move(reader.responses);
}

// The only response that was sent.
inline ReadResponse only_response(const SessionRig& rig) {
  std::vector<ReadResponse> all = responses(rig);
  INFO("wire: " << rig.sent.substr(0, 2000));
  REQUIRE(all.size() == 1);
  return std::move(all.front());
}

inline std::string field(const ReadResponse& response, std::string_view name) {
  const std::string* value = response.find(name);
  return value != nullptr ? *value : "(none)";
}

// One request to a rig with that application; what was sent.
inline ReadResponse answer_to(SessionRig& rig, std::string_view request, SessionRig::Application application) {
  rig.application = std::move(application);
  rig.receive(request);
  return only_response(rig);
}

}  // namespace hyperion::test
