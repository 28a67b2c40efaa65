// http::Exchange and its side doors: signals between two threads, and that nothing stays when it is used again.
#include "http/exchange.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <thread>
#include <utility>

#include "base/cache_line.hpp"

using namespace hyperion;
using http::Exchange;

namespace {

struct Letters final : http::Mailbox {
  void post(Exchange&) noexcept override { ++count; }
  std::atomic<int> count{0};
};

// The line of the cache where a member begins and the one where it ends, counted from the exchange's first.
template <class Member>
std::pair<size_t, size_t> lines_of(const Exchange& exchange, const Member& member) {
  const auto begin =
      static_cast<size_t>(reinterpret_cast<const char*>(&member) - reinterpret_cast<const char*>(&exchange));
  return {begin / base::kCacheLine, (begin + sizeof member - 1) / base::kCacheLine};
}

}  // namespace

TEST_CASE("exchange: what both threads use in every exchange lies on six lines of the cache, and nobody else's there") {
  Letters letters;
  const Exchange exchange{letters};
  CHECK(reinterpret_cast<uintptr_t>(&exchange) % base::kCacheLine == 0);
  std::set<size_t> shared;
  const auto share = [&](const auto& member) {
    const auto [first, last] = lines_of(exchange, member);
    for (size_t line = first; line <= last; ++line) shared.insert(line);
  };
  const http::Request& request = exchange.request;
  share(request.method);
  share(request.keep_alive);
  share(request.target);
  share(request.path);
  share(request.authority);
  share(request.content_length);
  share(request.fields);
  const http::Response& response = exchange.response;
  share(response.status);
  share(response.declared_length);
  share(response.prepared);
  share(response.fields);
  share(response.bytes);
  share(exchange.stage);
  share(exchange.taken);
  share(exchange.answered);
  share(exchange.mail_next);
  share(exchange.next);
  share(exchange.answerer);
  share(exchange.wants_follow_up);
  share(exchange.origin.address);
  share(exchange.origin.secure);
  CHECK(shared.size() == 6);
  const auto apart = [&](const auto& member) {
    const auto [first, last] = lines_of(exchange, member);
    for (size_t line = first; line <= last; ++line) CHECK(shared.count(line) == 0);
  };
  apart(exchange.began);
  apart(exchange.owner);
  apart(exchange.output_end);
  apart(exchange.watch_next);
  apart(exchange.released);
  apart(exchange.pipe);
  apart(exchange.handoff);
}

TEST_CASE("exchange: the first of several events posts it, the others ride along") {
  Letters letters;
  Exchange exchange{letters};
  exchange.signal(Exchange::kHints);
  exchange.signal(Exchange::kAnswered);
  exchange.signal(Exchange::kAnswered);
  CHECK(letters.count == 1);
  CHECK(exchange.take_events() == (Exchange::kHints | Exchange::kAnswered));
  CHECK(exchange.take_events() == 0);
  exchange.signal(Exchange::kReleased);
  CHECK(letters.count == 2);
  CHECK(exchange.take_events() == Exchange::kReleased);
}

TEST_CASE("exchange: a body in its pipe is an event") {
  Letters letters;
  Exchange exchange{letters};
  http::BodyPipe& pipe = exchange.open_pipe(http::Limits{}, true);
  CHECK(pipe.try_write("abc") == http::BodyPipe::Outcome::accepted);
  CHECK(exchange.take_events() == Exchange::kBody);
  pipe.finish(true);
  CHECK(exchange.take_events() == Exchange::kBody);
}

TEST_CASE("exchange: its pipe keeps to the limits of a response") {
  Letters letters;
  Exchange exchange{letters};
  http::Limits limits;
  limits.response_memory = 4;
  http::BodyPipe& pipe = exchange.open_pipe(limits, false);
  CHECK(pipe.try_write("12345") == http::BodyPipe::Outcome::full);
  CHECK(pipe.try_write("1234") == http::BodyPipe::Outcome::accepted);
  CHECK(exchange.take_events() == Exchange::kBody);
}

TEST_CASE("exchange: clear makes it new, with nothing of the client before") {
  Letters letters;
  Exchange exchange{letters};
  exchange.request.content_length = 5;
  exchange.response.status = 500;
  exchange.open_pipe(http::Limits{}, true);
  http::FieldList hints;
  hints.add("link", "</of-another-client.css>");
  exchange.hints.push(std::move(hints));
  exchange.handoff.deliver(base::Error{base::ErrorCode::reset_by_peer});
  exchange.set_gone();
  exchange.stage = Exchange::Stage::follow_up;
  exchange.wants_follow_up = exchange.delivered = exchange.dispatched = exchange.released = true;
  exchange.answered_seen = exchange.storing = exchange.spilled = exchange.finished = true;
  exchange.stored_error = 5;
  exchange.output_end = exchange.response_bytes = 9;
  exchange.owner = &letters;
  exchange.next = &exchange;
  exchange.began = exchange.ready = exchange.answered = base::now();
  exchange.taken = base::now();
  exchange.clear();
  CHECK_FALSE(exchange.request.content_length.has_value());
  CHECK(exchange.response.status == 200);
  CHECK_FALSE(exchange.pipe.has_value());
  CHECK(exchange.hints.take().empty());
  exchange.handoff.interrupt();
  CHECK_FALSE(exchange.handoff.wait().has_value());
  CHECK_FALSE(exchange.gone());
  CHECK(exchange.stage == Exchange::Stage::request);
  for (const bool flag : {exchange.wants_follow_up, exchange.delivered, exchange.dispatched, exchange.released,
                          exchange.answered_seen, exchange.storing, exchange.spilled, exchange.finished}) {
    CHECK_FALSE(flag);
  }
  CHECK(exchange.stored_error == 0);
  CHECK(exchange.output_end == 0);
  CHECK(exchange.response_bytes == 0);
  CHECK(exchange.owner == nullptr);
  CHECK(exchange.next == nullptr);
  CHECK(exchange.began == base::Instant{});
  CHECK(exchange.answered == base::Instant{});
}

TEST_CASE("handoff: a parcel that comes before the wait is not lost") {
  http::Handoff handoff;
  handoff.deliver(base::Error{base::ErrorCode::reset_by_peer});
  const auto parcel = handoff.wait();
  REQUIRE(parcel.has_value());
  CHECK(parcel->error().code == base::ErrorCode::reset_by_peer);
}

TEST_CASE("handoff: an interrupt that comes before the wait is not lost, and counts once") {
  http::Handoff handoff;
  handoff.interrupt();
  CHECK_FALSE(handoff.wait().has_value());
  handoff.deliver(base::Error{base::ErrorCode::reset_by_peer});
  CHECK(handoff.wait().has_value());
}

TEST_CASE("handoff: from one thread to another") {
  http::Handoff handoff;
  std::thread giver{[&] { handoff.deliver(base::Error{base::ErrorCode::os_error}); }};
  const auto parcel = handoff.wait();
  giver.join();
  REQUIRE(parcel.has_value());
  CHECK(parcel->error().code == base::ErrorCode::os_error);
}

TEST_CASE("interim queue: what is pushed is taken once, in order") {
  http::InterimQueue queue;
  for (const char* name : {"a", "b"}) {
    http::FieldList fields;
    fields.add(name, "");
    queue.push(std::move(fields));
  }
  const auto taken = queue.take();
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].name(*taken[0].begin()) == "a");
  CHECK(taken[1].name(*taken[1].begin()) == "b");
  CHECK(queue.take().empty());
}
