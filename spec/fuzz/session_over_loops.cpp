// Fuzz target: bytes through a socket pair and an event loop into an http1::Session, and its output back. Over every
// loop the exchanges and the bytes are those of the same session without a socket, however the bytes are cut, and
// whether receiving pauses.
#include <sys/socket.h>

#include <memory>

#include "net/epoll_loop.hpp"
#include "net/event_loop.hpp"
#include "net/uring_probe.hpp"
#include "session_input.hpp"
#ifdef HYPERION_LIBURING
#include "net/uring_loop.hpp"
#endif

using namespace hyperion;
using fuzz::require;
using test::SessionRig;

namespace {

struct Script {
  http::Limits limits;
  std::string_view bytes;
  std::vector<size_t> cuts;
  bool ends = false;
  uint8_t pauses = 0;    // bit i: receiving stops after completion i (mod 8), until the loop has nothing to say
  uint8_t together = 0;  // bit i: piece i (mod 8) leaves with the next one
};

struct Outcome {
  std::vector<test::Event> events;
  std::vector<std::string> methods;
  std::string sent;
  http::Phase phase;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome without_socket(const Script& script) {
  SessionRig rig{script.limits};
  rig.application = fuzz::answer;
  if (!script.bytes.empty()) rig.receive(script.bytes);
  if (script.ends) rig.receive_end();
  return {rig.events, rig.methods, rig.sent, rig.session.phase()};
}

// One connection in a loop, and the client at its other end.
class Link final : public net::CompletionSink {
 public:
  Link(net::EventLoop& loop, const Script& script) : loop_(loop), script_(script), rig_(script.limits) {
    rig_.application = fuzz::answer;
    int pair[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0, "a pair of sockets");
    peer_.reset(pair[1]);
    handle_ = loop_.add_stream(base::UniqueFd{pair[0]}, this).value();
    loop_.start_receive(handle_);
  }

  Outcome run() {
    size_t piece = 0;
    fuzz::in_pieces(script_.bytes, script_.cuts, [&](std::string_view bytes) {
      say(bytes);
      if ((script_.together >> (piece++ % 8) & 1) == 0) until([&] { return heard_ == said_; });
    });
    if (script_.ends) ::shutdown(peer_.get(), SHUT_WR);
    until([&] { return heard_ == said_ && ended_ == script_.ends && read_.size() == rig_.sent.size(); });
    loop_.close(handle_);
    until([&] { return closed_; });
    require(read_ == rig_.sent, "the client reads what the session sent");
    return {rig_.events, rig_.methods, read_, rig_.session.phase()};
  }

 private:
  void on_completion(const net::Completion& completion) noexcept override {
    require(completion.owner == this && completion.handle == handle_, "a completion is its connection's");
    switch (completion.kind) {
      case net::Completion::Kind::received: received(completion); break;
      case net::Completion::Kind::sent:
        require(completion.result > 0, "the client takes what is sent");
        taken_ += static_cast<size_t>(completion.result);
        sending_ = false;
        break;
      case net::Completion::Kind::closed: closed_ = true; return;
      case net::Completion::Kind::accepted: require(false, "nothing is accepted"); break;
    }
    send();
  }

  void received(const net::Completion& completion) noexcept {
    require(!ended_ && completion.result >= 0, "a stream ends once, and well");
    require(completion.data.size() == static_cast<size_t>(completion.result), "a completion's size is its data's");
    if (completion.result == 0) {
      ended_ = true;
      return rig_.receive_end();
    }
    heard_ += completion.data.size();
    rig_.receive(completion.data);
    if ((script_.pauses >> (completions_++ % 8) & 1) != 0) {
      paused_ = true;
      loop_.stop_receive(handle_);
    }
  }

  void send() noexcept {
    if (sending_ || taken_ == rig_.sent.size()) return;
    // A send's memory lives until it is complete; the rig's string may grow meanwhile.
    outgoing_ = rig_.sent.substr(taken_);
    const size_t half = outgoing_.size() / 2;
    const iovec pieces[2] = {{.iov_base = outgoing_.data(), .iov_len = half},
                             {.iov_base = outgoing_.data() + half, .iov_len = outgoing_.size() - half}};
    sending_ = true;
    half == 0 ? loop_.send(handle_, {pieces + 1, 1}, false) : loop_.send(handle_, pieces, false);
  }

  void say(std::string_view bytes) {
    said_ += bytes.size();
    while (!bytes.empty()) {
      const ssize_t count = ::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
      if (count <= 0) turn();
    }
  }

  void turn() {
    loop_.run_once(base::now() + std::chrono::milliseconds{paused_ ? 0 : 1}, *this);
    if (std::exchange(paused_, false)) loop_.start_receive(handle_);
    char some[4096];
    ssize_t got = 0;
    while ((got = ::recv(peer_.get(), some, sizeof some, 0)) > 0) read_.append(some, static_cast<size_t>(got));
  }

  template <class Condition>
  void until(Condition&& condition) {
    const base::Instant end = base::now() + std::chrono::seconds{5};
    while (!condition()) {
      require(base::now() < end, "whatever is asked of a loop comes");
      turn();
    }
  }

  net::EventLoop& loop_;
  const Script& script_;
  SessionRig rig_;
  base::UniqueFd peer_;
  net::Handle handle_;
  std::string outgoing_;
  std::string read_;
  size_t said_ = 0;
  size_t heard_ = 0;
  size_t taken_ = 0;
  size_t completions_ = 0;
  bool sending_ = false;
  bool paused_ = false;
  bool ended_ = false;
  bool closed_ = false;
};

std::vector<std::unique_ptr<net::EventLoop>> make_loops() {
  std::vector<std::unique_ptr<net::EventLoop>> loops;
  loops.push_back(std::move(net::EpollLoop::create()).value());
#ifdef HYPERION_LIBURING
  if (net::probe_uring().usable()) {
    loops.push_back(std::move(net::UringLoop::create()).value());
    // Queues that are always full, buffers that are gone; and as before Linux 6.1.
    loops.push_back(
        std::move(net::UringLoop::create({.submissions = 2, .completions = 4, .buffers = 2, .buffer_bytes = 64}))
            .value());
    loops.push_back(std::move(net::UringLoop::create({.buffers = 64, .buffer_bytes = 128, .defer = false})).value());
  }
#endif
  for (const auto& loop : loops) require(loop->enter().ok(), "a loop is entered");
  return loops;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::unique_ptr<net::EventLoop>> loops = make_loops();
  fuzz::Input input{data, size};
  Script script;
  script.limits = fuzz::limits_of(input);
  script.ends = input.flag();
  script.pauses = input.byte();
  script.together = input.byte();
  script.cuts = input.cuts();
  script.bytes = input.rest();

  const Outcome whole = without_socket(script);
  for (const auto& loop : loops) require(Link{*loop, script}.run() == whole, "the same over every loop");
  return 0;
}
