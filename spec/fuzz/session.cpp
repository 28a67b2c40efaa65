// Fuzz target: http1::Session, bytes in -> exchanges and output. Any split of the same bytes, with answers at any time,
// gives the same exchanges and the same output, and the output is HTTP.
#include <array>

#include "http1/response_reader.hpp"
#include "http1/session_rig.hpp"
#include "input.hpp"

using namespace hyperion;
using fuzz::require;
using test::SessionRig;

namespace {

http::Limits limits_of(fuzz::Input& input) {
  http::Limits limits;
  limits.max_header_bytes = std::array<uint64_t, 3>{65536, 200, 60}[input.choice(3)];
  limits.max_header_fields = std::array<uint64_t, 2>{256, 4}[input.choice(2)];
  limits.max_body_bytes = std::array<uint64_t, 3>{1 << 20, 10, 0}[input.choice(3)];
  limits.chunk_extension_bytes = std::array<uint64_t, 2>{16384, 8}[input.choice(2)];
  return limits;
}

// An answer that depends on nothing but the request: its target's last byte chooses the kind.
void answer(http::Exchange& exchange) {
  const std::string_view target = exchange.request.view(exchange.request.target);
  http::Response& response = exchange.response;
  response.bytes = "size " + std::to_string(exchange.request.body.size());
  switch (target.back()) {
    case 'c': (void)response.add("connection", "close"); break;
    case 'l': (void)response.add("content-length", "3"); break;
    case 'm': (void)response.add("content-length", "300"); break;
    case 'n': response.status = 204; break;
    case 't': (void)response.add("transfer-encoding", "chunked"); break;
    case 's': {
      response.body = http::Response::Body::stream;
      http::BodyPipe& pipe = exchange.open_pipe(http::Limits{}, false);
      (void)pipe.try_write(response.bytes);
      pipe.finish(true);
      break;
    }
    case 'r':
      response.body = http::Response::Body::raw;
      response.bytes.clear();
      break;
    default: break;
  }
}

struct Outcome {
  std::vector<test::Event> events;
  std::vector<std::string> methods;
  std::string sent;
  http::Phase phase;
  bool lingers;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// `slow`: bit i says that nothing is answered before piece i + 1.
Outcome run(std::string_view bytes, const http::Limits& limits, const std::vector<size_t>& cuts, bool ends,
            uint8_t slow) {
  SessionRig rig{limits};
  rig.application = answer;
  fuzz::in_pieces(bytes, cuts, [&](std::string_view piece) {
    rig.answering = (slow & 1) == 0;
    slow = static_cast<uint8_t>(slow >> 1);
    if (!piece.empty()) rig.receive(piece);
  });
  rig.answering = true;
  rig.settle();
  if (ends) rig.receive_end();
  return {rig.events, rig.methods, rig.sent, rig.session.phase(), rig.session.lingers()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input{data, size};
  const http::Limits limits = limits_of(input);
  const bool ends = input.flag();
  const uint8_t slow = input.byte();
  const std::vector<size_t> cuts = input.cuts();
  const std::string_view bytes = input.rest();

  const Outcome whole = run(bytes, limits, {}, ends, 0);
  Outcome split = run(bytes, limits, cuts, ends, slow);
  // Whether more had come when the last answer ended is a matter of time, and no more than a courtesy.
  split.lingers = whole.lingers;
  require(split == whole, "the same at any split");

  test::ResponseReader reader{whole.sent, whole.methods, whole.phase == http::Phase::closing};
  require(reader.read_all(), reader.error().c_str());
  for (const test::ReadResponse& response : reader.responses) {
    if (!response.complete) require(whole.phase != http::Phase::idle, "an answer that is not complete is the last");
    if (response.status >= 400) require(response.closes && response.complete, "an error is complete and closes");
  }
  return 0;
}
