// Every case of spec/corpus through the session, the request parser and the chunked decoder: whole, cut in two at every
// place, byte by byte and at random places. However the bytes come, the same must come of them.
#include "corpus.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <random>

#include "response_reader.hpp"
#include "session_rig.hpp"

using namespace hyperion;
using test::Case;
using test::Event;
using test::SessionRig;

namespace {

// When the application answers: as soon as it can, or after all bytes have come.
enum class Answers { at_once, late };

using Cuts = std::vector<size_t>;

// The environment's HYPERION_CASE picks those whose place (file:line) or rule contains it.
const std::vector<Case>& corpus() {
  static const std::vector<Case> cases = [] {
    std::vector<Case> all = test::read_corpus(HYPERION_CORPUS);
    if (const char* wanted = std::getenv("HYPERION_CASE"); wanted != nullptr) {
      std::erase_if(all,
                    [&](const Case& one) { return (one.where + " " + one.rule).find(wanted) == std::string::npos; });
    }
    return all;
  }();
  return cases;
}

struct Outcome {
  std::vector<Event> events;
  std::vector<std::string> methods;
  std::string sent;
  http::Phase phase;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Calls `take` with every piece of `bytes` between cuts (ascending).
template <class Take>
void in_pieces(std::string_view bytes, const Cuts& cuts, Take&& take) {
  size_t from = 0;
  for (const size_t cut : cuts) {
    take(bytes.substr(from, cut - from));
    from = cut;
  }
  take(bytes.substr(from));
}

Outcome run(const Case& one, const Cuts& cuts, Answers answers) {
  SessionRig rig{one.limits};
  int count = 0;
  rig.application = [&](http::Exchange& exchange) { exchange.response.bytes = "answer " + std::to_string(++count); };
  rig.answering = answers == Answers::at_once;
  in_pieces(one.input, cuts, [&](std::string_view piece) {
    if (!piece.empty()) rig.receive(piece);
  });
  if (one.half_close) rig.receive_end();
  rig.answering = true;
  rig.settle();
  return {rig.events, rig.methods, rig.sent, rig.session.phase()};
}

Cuts every_byte(size_t size) {
  Cuts cuts;
  for (size_t i = 1; i < size; ++i) cuts.push_back(i);
  return cuts;
}

Cuts random_cuts(size_t size, std::mt19937& random) {
  Cuts cuts;
  std::uniform_int_distribution<size_t> step{1, std::max<size_t>(size / 4, 1)};
  for (size_t at = step(random); at < size; at += step(random)) cuts.push_back(at);
  return cuts;
}

// Every way of cutting that the tests use. Of a giant not every place: its middle is all alike.
template <class Try>
void each_cutting(size_t size, uint32_t seed, Try&& attempt) {
  constexpr size_t kGiant = 4000;
  const size_t step = size < kGiant ? 1 : size / 97;
  for (size_t cut = 1; cut < size; cut += cut < 100 || size - cut < 100 ? 1 : step) attempt(Cuts{cut});
  if (size < kGiant) attempt(every_byte(size));
  std::mt19937 random{seed};
  for (int i = 0; i < 20; ++i) attempt(random_cuts(size, random));
}

std::string_view name_of(http::Phase phase) {
  switch (phase) {
    case http::Phase::idle: return "idle";
    case http::Phase::head: return "head";
    case http::Phase::body: return "body";
    case http::Phase::waiting: return "waiting";
    case http::Phase::closing: return "closing";
  }
  return "";
}

// What a case leaves out has a plain meaning; see spec/corpus/README.md.
void check_event(const Event& expected, const Event& seen) {
  CHECK(seen.what.substr(0, 200) == expected.what.substr(0, 200));
  if (!expected.what.starts_with("request ") || seen.what != expected.what) return;
  for (const char* key : {"chunked", "expects-continue", "upgrade", "last", "body", "trailer"}) {
    INFO(std::string{key});
    CHECK(seen.all(key) == expected.all(key));
  }
  for (const char* key : {"authority", "length"}) {
    if (expected.find(key) == nullptr) continue;
    INFO(std::string{key});
    CHECK(seen.all(key) == expected.all(key));
  }
  if (expected.find("field") != nullptr) CHECK(seen.all("field") == expected.all("field"));
  const std::string target = test::unescape(expected.what.substr(expected.what.find(' ', 8) + 1));
  const std::string plain = target.substr(0, target.rfind(' '));
  const size_t question = std::min(plain.find('?'), plain.size());
  const std::string* path = expected.find("path");
  const std::string* query = expected.find("query");
  CHECK(*seen.find("path") == (path != nullptr ? *path : plain.substr(0, question)));
  CHECK(*seen.find("query") == (query != nullptr ? *query : plain.substr(std::min(question + 1, plain.size()))));
}

std::string default_answers(const Case& one) {
  std::string statuses;
  for (const Event& event : one.expected) {
    const std::string status =
        event.what.starts_with("request ") ? "200" : event.what.substr(event.what.rfind(' ') + 1);
    if (status != "0") statuses += (statuses.empty() ? "" : " ") + status;
  }
  return statuses;
}

std::string default_phase(const Case& one) {
  if (one.half_close) return "closing";
  if (one.expected.empty()) return "idle";
  const Event& last = one.expected.back();
  return last.what.starts_with("refused ") || last.find("last") != nullptr ? "closing" : "idle";
}

// The wire as a client sees it: complete responses, in order, and an error's is the last.
void check_wire(const Case& one, const Outcome& outcome) {
  test::ResponseReader reader{outcome.sent, outcome.methods, outcome.phase == http::Phase::closing};
  INFO("wire: " << outcome.sent);
  CHECK_MESSAGE(reader.read_all(), reader.error());
  std::string statuses;
  int requests = 0;
  for (const test::ReadResponse& response : reader.responses) {
    CHECK(response.complete);
    statuses += (statuses.empty() ? "" : " ") + std::to_string(response.status);
    if (response.status == 200) {
      ++requests;
      if (outcome.methods[static_cast<size_t>(requests - 1)] != "HEAD") {
        CHECK(response.body == "answer " + std::to_string(requests));
      }
    } else if (response.status >= 400) {
      CHECK(response.closes);
      CHECK(response.find("content-length") != nullptr);
      CHECK(response.find("date") != nullptr);
    }
  }
  CHECK(statuses == one.answers.value_or(default_answers(one)));
}

}  // namespace

TEST_CASE("corpus: it is there") { CHECK(corpus().size() > (std::getenv("HYPERION_CASE") == nullptr ? 250 : 0)); }

TEST_CASE("corpus: the session does what each case says") {
  for (const Case& one : corpus()) {
    const Outcome whole = run(one, {}, Answers::at_once);
    INFO(one.where << " " << one.rule << "\nseen:\n" << test::to_text(whole.events));
    CHECK(whole.events.size() == one.expected.size());
    if (whole.events.size() == one.expected.size()) {
      for (size_t i = 0; i < one.expected.size(); ++i) check_event(one.expected[i], whole.events[i]);
    }
    CHECK(name_of(whole.phase) == (one.phase.empty() ? default_phase(one) : one.phase));
    check_wire(one, whole);
  }
}

TEST_CASE("corpus: the session does the same however the bytes come") {
  uint32_t seed = 1;
  for (const Case& one : corpus()) {
    ++seed;
    const Outcome whole = run(one, {}, Answers::at_once);
    const Outcome late = run(one, {}, Answers::late);
    INFO(one.where << " " << one.rule);
    if (late.events != whole.events) CHECK(test::to_text(late.events) == test::to_text(whole.events));
    if (!one.half_close) CHECK(late.sent == whole.sent);
    each_cutting(one.input.size(), seed, [&](const Cuts& cuts) {
      INFO("first cut at " << (cuts.empty() ? 0 : cuts.front()) << " of " << cuts.size());
      // Assertions cost more than what they assert here.
      if (const Outcome cut = run(one, cuts, Answers::at_once); !(cut == whole)) {
        CHECK(test::to_text(cut.events) == test::to_text(whole.events));
        CHECK(cut.sent == whole.sent);
        CHECK(name_of(cut.phase) == name_of(whole.phase));
      }
      if (const Outcome cut = run(one, cuts, Answers::late); !(cut == late)) {
        CHECK(test::to_text(cut.events) == test::to_text(late.events));
        CHECK(cut.sent == late.sent);
        CHECK(name_of(cut.phase) == name_of(late.phase));
      }
    });
  }
}

namespace {

struct Parsed {
  http1::Progress progress = http1::Progress::incomplete;
  base::ErrorCode error = base::ErrorCode::none;
  size_t consumed = 0;
  Event request;

  friend bool operator==(const Parsed&, const Parsed&) = default;
};

// The parser sees all bytes since the head began, each time in another place of memory.
Parsed parse(std::string_view bytes, const http::Limits& limits, const Cuts& cuts) {
  test::GuardPage page;
  http1::RequestParser parser{limits};
  http::Request request;
  Parsed parsed;
  size_t size = 0;
  in_pieces(bytes, cuts, [&](std::string_view piece) {
    size += piece.size();
    if (parsed.progress != http1::Progress::incomplete) return;
    parsed.progress = parser.parse(page.hold(bytes.substr(0, size)), request);
  });
  parsed.error = parser.error();
  parsed.consumed = parser.consumed();
  if (parsed.progress == http1::Progress::complete) parsed.request = test::event_of(request);
  return parsed;
}

struct Decoded {
  http1::Progress progress = http1::Progress::incomplete;
  base::ErrorCode error = base::ErrorCode::none;
  std::string content;
  std::vector<std::string> trailers;
  size_t consumed = 0;

  friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode(std::string_view bytes, const http::Limits& limits, const Cuts& cuts) {
  test::GuardPage page;
  http1::ChunkedDecoder decoder{limits};
  http::FieldList trailers;
  Decoded decoded;
  in_pieces(bytes, cuts, [&](std::string_view piece) {
    if (decoded.progress != http1::Progress::incomplete) return;
    std::string_view rest = page.hold(piece);
    decoded.progress = decoder.decode(rest, decoded.content, trailers, UINT64_MAX);
    decoded.consumed += piece.size() - rest.size();
    if (decoded.progress == http1::Progress::incomplete) CHECK(rest.empty());
  });
  decoded.error = decoder.error();
  if (decoded.progress == http1::Progress::failed) decoded.consumed = 0;  // nobody asks
  if (decoded.progress == http1::Progress::complete) {
    for (const http::Field& field : trailers) {
      decoded.trailers.push_back(std::string{trailers.name(field)} + ": " + std::string{trailers.value(field)});
    }
  }
  return decoded;
}

}  // namespace

TEST_CASE("corpus: the request parser does the same however the bytes come") {
  uint32_t seed = 1;
  for (const Case& one : corpus()) {
    INFO(one.where << " " << one.rule);
    const std::string_view head = http1::without_empty_lines(one.input);
    if (head.empty() || head == "\r") continue;
    const Parsed whole = parse(head, one.limits, {});
    // A fault of its grammar is the connection's first event.
    if (whole.progress == http1::Progress::failed) {
      REQUIRE(!one.expected.empty());
      CHECK(one.expected.front().what.starts_with("refused " + std::string{base::name_of(whole.error)} + " "));
    }
    each_cutting(head.size(), ++seed, [&](const Cuts& cuts) {
      if (!(parse(head, one.limits, cuts) == whole)) {
        INFO("first cut at " << cuts.front() << " of " << cuts.size());
        CHECK(false);
      }
    });
  }
}

TEST_CASE("corpus: the chunked decoder does the same however the bytes come") {
  uint32_t seed = 1;
  int bodies = 0;
  for (const Case& one : corpus()) {
    if (one.input.find("ransfer-Encoding: chunked\r\n") == std::string::npos) continue;
    const size_t body = one.input.find("\r\n\r\n");
    if (body == std::string::npos) continue;
    ++bodies;
    INFO(one.where << " " << one.rule);
    const std::string_view bytes = std::string_view{one.input}.substr(body + 4);
    const Decoded whole = decode(bytes, one.limits, {});
    if (whole.progress == http1::Progress::complete && one.expected.front().find("chunked") != nullptr) {
      const std::string* content = one.expected.front().find("body");
      CHECK(whole.content == (content != nullptr ? *content : ""));
    }
    each_cutting(bytes.size(), ++seed, [&](const Cuts& cuts) {
      if (!(decode(bytes, one.limits, cuts) == whole)) {
        INFO("first cut at " << cuts.front() << " of " << cuts.size());
        CHECK(false);
      }
    });
  }
  CHECK(bodies > 40);
}
