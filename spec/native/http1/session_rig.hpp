// An http1::Session with everything around it faked: a host that writes down what the session says, an application that
// answers, a socket that takes whatever is written. Bytes go in at a guard page. Tests and fuzz targets drive it.
#pragma once

#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "escape.hpp"
#include "guard_page.hpp"
#include "http1/session.hpp"

namespace hyperion::test {

// One thing that the session told its host: `what` ("request GET / HTTP/1.1", "refused obs_fold 400") and its facts.
struct Event {
  std::string what;
  std::vector<std::pair<std::string, std::string>> facts;

  friend bool operator==(const Event&, const Event&) = default;

  const std::string* find(std::string_view key) const {
    for (const auto& fact : facts) {
      if (fact.first == key) return &fact.second;
    }
    return nullptr;
  }
  std::vector<std::string> all(std::string_view key) const {
    std::vector<std::string> values;
    for (const auto& fact : facts) {
      if (fact.first == key) values.push_back(fact.second);
    }
    return values;
  }
};

// As lines of a corpus file, for whoever reads a failure: giants are cut.
inline std::string to_text(const std::vector<Event>& events) {
  constexpr size_t kMost = 200;
  std::string text;
  for (const Event& event : events) {
    text += "= " + event.what.substr(0, kMost) + "\n";
    for (const auto& [key, value] : event.facts) {
      text += "=   " + key + (value.empty() ? "" : " " + escape(value).substr(0, kMost)) + "\n";
    }
  }
  return text;
}

inline Event event_of(const http::Request& request) {
  Event event;
  event.what = "request ";
  event.what += request.view(request.method_name);
  event.what += " ";
  event.what += escape(request.view(request.target));
  event.what += " ";
  event.what += http::text_of(request.version);
  const auto add = [&](std::string key, std::string_view value) {
    event.facts.emplace_back(std::move(key), std::string{value});
  };
  add("path", request.view(request.path));
  add("query", request.view(request.query));
  add("authority", request.view(request.authority));
  for (const http::Field& field : request.fields) {
    add("field", std::string{request.fields.name(field)} + ": " + std::string{request.fields.value(field)});
  }
  if (request.content_length) add("length", std::to_string(*request.content_length));
  if (request.chunked) add("chunked", "");
  if (request.expects_continue) add("expects-continue", "");
  if (request.upgrade) add("upgrade", "");
  if (!request.keep_alive) add("last", "");
  if (!request.body.memory.empty()) add("body", request.body.memory);
  for (const http::Field& field : request.trailers) {
    add("trailer", std::string{request.trailers.name(field)} + ": " + std::string{request.trailers.value(field)});
  }
  return event;
}

class SessionRig final : private http::SessionHost, private http::Mailbox {
  // Before the session, which gives its chunks back when it ends.
  buffer::ChunkPool chunks_;
  http::DateCache date_;

 public:
  // Answers an exchange: fills its response; the rig gives it to the session.
  using Application = std::function<void(http::Exchange&)>;

  static constexpr int64_t kNow = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT

  explicit SessionRig(http::Limits given = {})
      : limits(given),
        context{.limits = limits, .chunks = chunks_, .date = date_, .wall_seconds = kNow},
        session(context, *this) {}
  ~SessionRig() {
    for (const auto& exchange : exchanges) exchange->response.clear();
  }

  http::Limits limits;
  http::SessionContext context;
  http1::Session session;
  // Without one, requests wait until the test answers them itself.
  Application application;
  // False: `settle` answers nothing (the application is slow).
  bool answering = true;
  // False: the socket takes nothing.
  bool draining_output = true;

  std::vector<Event> events;
  std::vector<std::string> methods;                        // of everything that is answered, in order
  std::vector<std::string> misframed;                      // what on_misframed said
  std::vector<std::pair<http::Exchange*, bool>> answered;  // on_answered
  std::vector<http::Exchange*> raw;                        // on_raw
  std::vector<std::unique_ptr<http::Exchange>> exchanges;
  http::Exchange* pending = nullptr;  // complete and not answered
  http::Exchange* reading = nullptr;  // on_head was called, the request is not complete
  http::Exchange* refused = nullptr;
  std::string sent;  // what the socket has taken
  size_t posts = 0;  // of Exchange::signal

  void receive(std::string_view bytes) {
    session.receive(page_.hold(bytes));
    settle();
  }
  void receive_end() {
    session.receive_end();
    settle();
  }

  // What a connection does at the end of a turn: answers, goes on with bytes that wait, writes.
  void settle() {
    while (true) {
      drain();
      if (pending != nullptr) {
        if (!application || !answering) return;
        application(*pending);
        answer();
        continue;
      }
      const http::Phase phase = session.phase();
      const size_t unread = session.unread().size();
      if (phase == http::Phase::closing || phase == http::Phase::waiting) return;
      if (unread == 0) return drain();
      session.advance();
      if (session.unread().size() == unread && session.phase() == phase) return drain();
    }
  }

  void answer() { session.answer(*std::exchange(pending, nullptr)); }

  // The socket takes at most `most` bytes.
  void drain(uint64_t most = UINT64_MAX) {
    if (!draining_output) return;
    buffer::OutputQueue& output = session.output();
    while (!output.empty() && most > 0) {
      std::array<iovec, 4> pieces;
      const size_t count = output.as_iovecs(pieces);
      uint64_t taken = 0;
      for (size_t i = 0; i < count && taken < most; ++i) {
        const size_t size = std::min<uint64_t>(pieces[i].iov_len, most - taken);
        sent.append(static_cast<const char*>(pieces[i].iov_base), size);
        taken += size;
      }
      if (count == 0) taken = drain_file(*output.front_file(), most);
      output.drain(taken);
      most -= taken;
      session.output_drained();
    }
  }

  bool closed() const noexcept { return session.phase() == http::Phase::closing; }

 private:
  uint64_t drain_file(const buffer::FileRange& range, uint64_t most) {
    std::array<char, 65536> bytes;
    const size_t size = std::min<uint64_t>({bytes.size(), range.size, most});
    const ssize_t got = ::pread(range.file->get(), bytes.data(), size, static_cast<off_t>(range.offset));
    if (got != static_cast<ssize_t>(size)) std::abort();
    sent.append(bytes.data(), size);
    return size;
  }

  http::Exchange& new_exchange() noexcept override {
    exchanges.push_back(std::make_unique<http::Exchange>(static_cast<http::Mailbox&>(*this)));
    return *exchanges.back();
  }
  void on_head(http::Exchange& exchange) noexcept override { reading = &exchange; }
  void on_request(http::Exchange& exchange) noexcept override {
    reading = nullptr;
    pending = &exchange;
    methods.emplace_back(exchange.request.view(exchange.request.method_name));
    events.push_back(event_of(exchange.request));
  }
  void on_answered(http::Exchange& exchange, bool complete) noexcept override {
    answered.emplace_back(&exchange, complete);
  }
  void on_refused(http::Exchange& exchange, base::Error error) noexcept override {
    reading = nullptr;
    refused = &exchange;
    const int status = base::status_of(error.code);
    if (status != 0) methods.emplace_back(exchange.request.view(exchange.request.method_name));
    Event event{"refused " + std::string{base::name_of(error.code)} + " " + std::to_string(status), {}};
    // What a log line would say of it.
    event.facts.emplace_back("seen", event_of(exchange.request).what);
    events.push_back(std::move(event));
  }
  void on_misframed(http::Exchange&, std::string_view what) noexcept override { misframed.emplace_back(what); }
  void on_raw(http::Exchange& exchange) noexcept override { raw.push_back(&exchange); }
  void post(http::Exchange&) noexcept override { ++posts; }

  GuardPage page_;
};

}  // namespace hyperion::test
