// Fuzz target: http1::Session, bytes in -> exchanges and output. Any split of the same bytes, with answers at any time,
// gives the same exchanges and the same output, and the output is HTTP.
#include "http1/response_reader.hpp"
#include "session_input.hpp"

using namespace hyperion;
using fuzz::require;
using test::SessionRig;

namespace {

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
  rig.application = fuzz::answer;
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
  const http::Limits limits = fuzz::limits_of(input);
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
