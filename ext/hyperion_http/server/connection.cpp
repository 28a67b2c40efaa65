#include "server/connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.hpp"
#include "base/number.hpp"
#include "http1/session.hpp"

namespace hyperion::server {

using base::Error;
using base::ErrorCode;
using base::Instant;
using http::Exchange;
using http::Phase;

namespace {

// Pipelined requests that one connection may have answered natively before the others have their turn.
constexpr int kRequestsPerTurn = 16;
constexpr size_t kMostPieces = 64;
// How long a head waits for the first bytes of its body.
constexpr auto kHeadHold = std::chrono::milliseconds{1};

// How long a hijacker waits for what is to be sent before it, so that it gets the client's own socket.
constexpr auto kHijackPatience = std::chrono::milliseconds{1};

// Once the server stops: how long a connection's next request may take to begin, and the rest after which none is
// expected.
constexpr auto kDrainPatience = std::chrono::milliseconds{50};
constexpr auto kRest = std::chrono::seconds{1};
// Of a client that has its last response: how long it may take to leave, or to show that it had sent more.
constexpr auto kDrainLinger = std::chrono::milliseconds{250};
// The same, of one whose next request did not come.
constexpr auto kDrainIdleLinger = std::chrono::milliseconds{30};

// What TCP counts as unconfirmed of a connection whose end was sent, and nothing else.
constexpr uint64_t kFin = 1;

// nginx's word for a request whose client left before the response: no status was ever sent.
constexpr int kClientClosed = 499;

// These happen to every server all day and tell the operator nothing.
bool is_everyday(ErrorCode code) noexcept {
  return code == ErrorCode::reset_by_peer || code == ErrorCode::truncated_request || code == ErrorCode::idle_timeout ||
         code == ErrorCode::shutting_down;
}

// The request was not HTTP as this server speaks it; not: too large, too late.
bool is_malformed(ErrorCode code) noexcept {
  const int status = base::status_of(code);
  return status == 400 || status == 501 || status == 505;
}

Instant after(Instant since, base::Duration limit) noexcept {
  return limit == base::Duration::zero() ? Instant::max() : since + limit;
}

}  // namespace

Connection::Connection(IoWorker& worker, const http::Origin& origin, const AddressKey& address)
    : key(address),
      worker_(worker),
      origin_(origin),
      session_(new http1::Session(worker.context(), *this)),
      phase_began_(worker.now()),
      pace_(worker.options().limits) {
  worker_.recorder().moved(observe::ConnectionState::count, shown_);
}

Connection::~Connection() {
  worker_.recorder().moved(shown_, observe::ConnectionState::count);
  for (Exchange* exchange : charged_) exchange->charged_to = nullptr;
}

void Connection::open(net::Handle handle) noexcept {
  handle_ = handle;
  update_receiving();
  update_timer();
}

// --- From the loop ---

void Connection::on_completion(const net::Completion& completion) noexcept {
  switch (completion.kind) {
    case net::Completion::Kind::received: received(completion); break;
    case net::Completion::Kind::sent: sent(completion.result); break;
    case net::Completion::Kind::closed: return closed(completion.result);
    case net::Completion::Kind::accepted: break;
  }
  worker_.mark_dirty(*this);
}

void Connection::received(const net::Completion& completion) noexcept {
  if (completion.result < 0) return abort(ErrorCode::reset_by_peer);
  worker_.counters().bytes_read.add(completion.data.size());
  received_at_ = worker_.now();
  if (state_ == State::lingering) {
    if (completion.result == 0) close();
    linger_limit_ = worker_.options().limits.linger_timeout;
    return;
  }
  if (completion.result == 0) {
    receiving_ = false;
    peer_ended_ = true;
    return session_->receive_end();
  }
  body_bytes_ += completion.data.size();
  session_->receive(completion.data);
  if (reading_ != nullptr && !reading_->storing &&
      reading_->request.body.memory.size() > worker_.options().limits.body_memory) {
    store_body(*reading_);
  }
}

void Connection::sent(int64_t result) noexcept {
  sending_ = false;
  // A file that became shorter, or a disk that fails, is our side's doing; everything else is the client's.
  if (result == -EIO) return abort(Error::os(EIO));
  if (result < 0) return abort(ErrorCode::reset_by_peer);
  const auto count = static_cast<uint64_t>(result);
  worker_.counters().bytes_written.add(count);
  sent_at_ = worker_.now();
  buffer::OutputQueue& output = session_->output();
  output.drain(count);
  if (output.empty()) {
    pace_.end();
  } else if (!pace_.measuring()) {
    pace_.begin(worker_.now(), confirmed(worker_.loop().unconfirmed(handle_)));
  }
  finish_sent();
  if (output.size() < http::kOutputMark) session_->output_drained();
}

void Connection::closed(int64_t result) noexcept {
  if (state_ == State::detaching && result >= 0) {
    base::UniqueFd fd{static_cast<int>(result)};
    Exchange& exchange = *hijacker_;
    const std::string_view unread = session_->unread();
    int pair[2];
    if (to_hijacker_) {
      worker_.start_relay(std::move(fd), to_hijacker_.release(), unread);
    } else if (unread.empty()) {
      exchange.handoff.deliver(std::move(fd));
    } else if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0) {
      // Bytes beyond the request cannot be put back into the socket: the application gets one end of a pair.
      worker_.start_relay(std::move(fd), base::UniqueFd{pair[0]}, unread);
      exchange.handoff.deliver(base::UniqueFd{pair[1]});
    } else {
      exchange.handoff.deliver(Error::os(errno));
    }
    finish(exchange, true);
  }
  while (!live_.empty()) finish(*live_.back(), false);
  worker_.remove(*this);
}

// --- From exchanges ---

void Connection::on_events(Exchange& exchange, uint32_t events) noexcept {
  if (exchange.superseded != 0) return worker_.dismiss(exchange, events);
  if ((events & Exchange::kStored) != 0) stored(exchange);
  if (state_ != State::open) {
    // Whoever still answers is told, and nothing more.
    if ((events & Exchange::kHijack) != 0) exchange.handoff.deliver(Error{ErrorCode::reset_by_peer});
  } else {
    if ((events & Exchange::kHints) != 0) {
      for (const http::FieldList& fields : exchange.hints.take()) session_->interim(exchange, 103, fields);
    }
    if ((events & Exchange::kAnswered) != 0) {
      exchange.answered_seen = true;
      session_->answer(exchange);
      if (session_->holds_head()) head_held_until_ = worker_.now() + kHeadHold;
    } else if ((events & Exchange::kBody) != 0 && exchange.answered_seen) {
      session_->pump(exchange);
    }
    if ((events & Exchange::kHijack) != 0) hijack(exchange);
  }
  if ((events & Exchange::kReleased) != 0) worker_.released(exchange);
  worker_.mark_dirty(*this);
}

// --- From the session ---

Exchange& Connection::new_exchange() noexcept {
  Exchange& exchange = worker_.new_exchange();
  exchange.owner = this;
  exchange.origin = origin_;
  live_.push_back(&exchange);
  phase_began_ = worker_.now();
  return exchange;
}

void Connection::on_head(Exchange& exchange) noexcept {
  reading_ = &exchange;
  phase_began_ = received_at_ = worker_.now();
  body_bytes_ = 0;
}

void Connection::on_request(Exchange& exchange) noexcept {
  reading_ = nullptr;
  first_request_ = false;
  worker_.counters().requests.add();
  if (exchange.storing) return;
  if (exchange.spilled) return store_body(exchange);
  waiting_.push(exchange);
}

void Connection::on_answered(Exchange& exchange, bool complete) noexcept {
  phase_began_ = worker_.now();
  exchange.delivered = complete;
  unsent_.push(exchange);
}

void Connection::on_refused(Exchange& exchange, Error error) noexcept {
  reading_ = nullptr;
  exchange.spilled = false;  // whatever the file pool still reports, the request is over
  exchange.answerer = http::Answerer::server;
  if (error) {
    worker_.counters().requests_refused.add();
    if (is_malformed(error.code)) worker_.counters().parse_errors.add();
    log_error(error, &exchange);
  }
  exchange.delivered = base::status_of(error.code) != 0;
  if (!exchange.delivered) {
    exchange.response.status = 0;
    // Nothing was asked or answered: no line in the access log.
    exchange.finished = exchange.request.view(exchange.request.method_name).empty();
  }
  unsent_.push(exchange);
}

void Connection::on_misframed(Exchange& exchange, std::string_view what) noexcept {
  std::string message{what};
  message += ": ";
  message += exchange.request.view(exchange.request.method_name);
  message += ' ';
  message += exchange.request.view(exchange.request.path);
  worker_.log().write(observe::Level::error, "app", message);
}

void Connection::on_raw(Exchange& exchange) noexcept { hijack(exchange); }

// --- Request bodies in files ---

void Connection::store_body(Exchange& exchange) noexcept {
  exchange.storing = exchange.spilled = true;
  worker_.files().store(exchange, std::exchange(exchange.request.body.memory, std::string{}));
}

void Connection::stored(Exchange& exchange) noexcept {
  exchange.storing = false;
  if (state_ != State::open || !exchange.spilled) return;
  if (exchange.stored_error != 0) {
    log_error(Error::os(exchange.stored_error), &exchange);
    exchange.spilled = false;
    if (reading_ == &exchange) return session_->fail(ErrorCode::body_storage_failed);
    // Complete, but not to be served: the session waits for an answer.
    exchange.response.clear();
    exchange.answerer = http::Answerer::server;
    exchange.response.status = base::status_of(ErrorCode::body_storage_failed);
    exchange.response.wants_close = true;
    return session_->answer(exchange);
  }
  const bool complete = reading_ != &exchange;
  const uint64_t keep = complete ? 0 : worker_.options().limits.body_memory;
  if (exchange.request.body.memory.size() > keep) {
    store_body(exchange);
  } else if (complete) {
    waiting_.push(exchange);
  }
}

// --- The end of a turn ---

void Connection::settle() noexcept {
  if (state_ == State::open) {
    serve_pipelined();
    flush();
    end_output();
  }
  update_receiving();
  update_timer();
  update_state();
}

void Connection::update_state() noexcept {
  using Shown = observe::ConnectionState;
  Shown now = Shown::closing;
  if (state_ == State::open) {
    switch (session_->phase()) {
      case Phase::idle: now = Shown::idle; break;
      case Phase::head:
      case Phase::body: now = Shown::reading; break;
      case Phase::waiting: now = Shown::waiting; break;
      case Phase::closing: break;
    }
    if (sending_) now = Shown::writing;
  }
  if (now == shown_) return;
  worker_.recorder().moved(shown_, now);
  shown_ = now;
}

// Answers what can be answered at once, and goes on with the requests behind it.
void Connection::serve_pipelined() noexcept {
  behind_ = false;
  for (int i = 0;; ++i) {
    route_waiting();
    const Phase phase = session_->phase();
    if (phase != Phase::idle && phase != Phase::head) return;
    // The answers would only join those that the client does not take, also of requests that are still to come.
    behind_ = session_->output().size() >= http::kOutputMark;
    const size_t unread = session_->unread().size();
    if (behind_ || unread == 0) return;
    if (i == kRequestsPerTurn) {
      behind_ = true;  // it is the others' turn
      return worker_.mark_dirty(*this);
    }
    session_->advance();
    if (session_->unread().size() == unread) return;  // a head that is not complete
  }
}

void Connection::route_waiting() noexcept {
  while (!held_back_.empty() && !has_its_share()) hand_over(*held_back_.pop());
  while (Exchange* exchange = waiting_.pop()) {
    exchange->ready = worker_.now();
    worker_.counters().requests_in_flight.add();
    switch (worker_.route(*exchange)) {
      case IoWorker::Route::answered: session_->answer(*exchange); break;
      case IoWorker::Route::later: break;
      case IoWorker::Route::application:
        if (has_its_share()) {
          worker_.counters().requests_held_back.add();
          held_back_.push(*exchange);
        } else {
          hand_over(*exchange);
        }
    }
  }
}

bool Connection::has_its_share() const noexcept {
  const uint64_t most = worker_.options().max_in_flight_per_connection;
  return most != 0 && charged_.size() >= most;
}

void Connection::hand_over(Exchange& exchange) noexcept {
  if (!worker_.hand_over(exchange)) return session_->answer(exchange);
  if (worker_.options().max_in_flight_per_connection == 0) return;
  exchange.charged_to = this;
  charged_.push_back(&exchange);
}

void Connection::discharge(const Exchange& exchange) noexcept {
  charged_.erase(std::find(charged_.begin(), charged_.end(), &exchange));
  if (!held_back_.empty()) worker_.mark_dirty(*this);
}

void Connection::flush() noexcept {
  buffer::OutputQueue& output = session_->output();
  if (sending_ || output.empty()) return;
  iovec pieces[kMostPieces];
  const size_t count = output.as_iovecs(pieces);
  sending_ = true;
  sent_at_ = worker_.now();
  if (count == 0) {
    const buffer::FileRange& range = *output.front_file();
    return worker_.loop().send_file(handle_, range.file->get(), range.offset, range.size);
  }
  uint64_t size = 0;
  for (size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
  worker_.loop().send(handle_, {pieces, count}, size < output.size());
}

void Connection::finish_sent() noexcept {
  const uint64_t drained = session_->output().drained_total();
  while (!unsent_.empty() && unsent_.front().output_end <= drained) {
    Exchange& exchange = *unsent_.pop();
    finish(exchange, exchange.delivered);
  }
}

void Connection::finish(Exchange& exchange, bool delivered) noexcept {
  live_.erase(std::find(live_.begin(), live_.end(), &exchange));
  if (reading_ == &exchange) reading_ = nullptr;
  if (hijacker_ == &exchange) {
    hijacker_ = nullptr;
    if (state_ != State::detaching && !to_hijacker_) exchange.handoff.deliver(Error{ErrorCode::reset_by_peer});
  }
  exchange.delivered = delivered && exchange.superseded == 0;
  if (exchange.ready != Instant{}) worker_.counters().requests_in_flight.subtract();
  if (!exchange.finished) {
    exchange.finished = true;
    const bool answered = delivered || exchange.answered_seen;
    const int status = exchange.superseded != 0 ? exchange.superseded
                       : answered               ? exchange.response.status
                                                : kClientClosed;
    if (!delivered) worker_.counters().requests_aborted.add();
    worker_.finished(exchange, status);
  }
  worker_.let_go(exchange);
}

// Nothing is left to send and no request will follow: say so, and leave.
void Connection::end_output() noexcept {
  if (sending_ || !session_->output().empty() || session_->holds_head()) return;
  finish_sent();
  if (hijacker_ != nullptr) return begin_detach();
  if (session_->phase() != Phase::closing || !live_.empty()) return;
  if (!session_->lingers() || peer_ended_ || linger_most_ == base::Duration{0}) return close();
  state_ = State::lingering;
  phase_began_ = worker_.now();
  linger_limit_ = std::min(worker_.options().limits.linger_timeout, linger_most_);
  if (worker_.draining()) linger_limit_ = std::min<base::Duration>(linger_limit_, kDrainLinger);
  worker_.loop().shutdown_send(handle_);
}

void Connection::hijack(Exchange& exchange) noexcept {
  hijacker_ = &exchange;
  hijacker_waits_until_ = worker_.now() + kHijackPatience;
  worker_.mark_dirty(*this);
}

// The client does not take what comes first, which must not hold an app thread. From here on the time is the
// application's own; what it writes waits in the pair, and ends with the connection should the client take too long.
void Connection::hand_over_early() noexcept {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) return abort(Error::os(errno));
  to_hijacker_ = base::GuardedFd{base::UniqueFd{pair[0]}};
  worker_.unwatch(*hijacker_);
  hijacker_->handoff.deliver(base::UniqueFd{pair[1]});
}

void Connection::give_up(Exchange& exchange, Error error) noexcept {
  if (state_ != State::open) return;
  const bool hijacks = hijacker_ == &exchange;
  if (!exchange.answered_seen && !hijacks) {
    log_error(error, &exchange);
    session_->supersede(exchange, error);
  } else if (hijacks || exchange.output_end == 0) {
    abort(error);  // in the middle of a stream, or on its way into the application's hands
  }
  worker_.mark_dirty(*this);
}

void Connection::begin_detach() noexcept {
  state_ = State::detaching;
  worker_.unwatch(*hijacker_);
  worker_.loop().detach(handle_);
}

void Connection::abort(Error error) noexcept {
  if (state_ == State::closing || state_ == State::detaching) return;
  if (error.code == ErrorCode::write_timeout || error.code == ErrorCode::write_too_slow ||
      error.code == ErrorCode::request_timeout || error.code == ErrorCode::os_error) {
    log_error(error, live_.empty() ? nullptr : live_.front());
  }
  session_->lost();
  close();
  waiting_ = held_back_ = ExchangeChain{};
  unsent_ = UnsentChain{};
  while (!live_.empty()) finish(*live_.back(), false);
  to_hijacker_.reset();
}

void Connection::close() noexcept {
  state_ = State::closing;
  worker_.loop().close(handle_);
}

void Connection::drain() noexcept {
  if (state_ != State::open) return;
  if (session_->phase() != Phase::idle) {
    session_->drain();
  } else if (!first_request_ && waiting_since() <= worker_.now() - kRest && worker_.loop().unconfirmed(handle_) == 0) {
    end_idle(base::Duration{0});
  }
  // Any other one may have its next request on the way, or its first, and is given a moment.
  phase_began_ = worker_.now();
  worker_.mark_dirty(*this);
}

void Connection::end_idle(base::Duration linger) noexcept {
  linger_most_ = linger;
  session_->drain();
  // What it has received is no request yet, nor worth waiting for: the beginning of an empty line.
  if (session_->phase() == Phase::idle) session_->fail(ErrorCode::idle_timeout);
}

Instant Connection::waiting_since() const noexcept {
  const bool idle = state_ == State::open && session_->phase() == Phase::idle && live_.empty() && !sending_ &&
                    session_->output().empty() && session_->unread().empty();
  return idle ? idle_since() : Instant::max();
}

void Connection::make_room() noexcept {
  session_->fail(ErrorCode::idle_timeout);
  worker_.mark_dirty(*this);
}

void Connection::update_receiving() noexcept {
  if (peer_ended_) return;
  bool wanted = state_ == State::lingering;
  if (state_ == State::open) {
    const uint64_t most = worker_.options().limits.body_memory;
    const bool disk_is_slower = reading_ != nullptr && reading_->storing && reading_->request.body.memory.size() > most;
    wanted = session_->wants_input() && !disk_is_slower && !behind_;
  }
  if (wanted == receiving_) return;
  receiving_ = wanted;
  if (wanted) {
    received_at_ = worker_.now();
    worker_.loop().start_receive(handle_);
  } else if (state_ == State::open) {
    worker_.loop().stop_receive(handle_);
  }
}

// --- The clock ---

// The error that is due at `now`, if any.
Error Connection::overdue(Instant now) const noexcept {
  const http::Limits& limits = worker_.options().limits;
  const Instant began = live_.empty() ? phase_began_ : live_.back()->began;
  switch (session_->phase()) {
    case Phase::idle:
      if (sending_ || now < after(idle_since(), idle_limit())) return {};
      return ErrorCode::idle_timeout;
    case Phase::head:
      if (now >= after(phase_began_, limits.header_timeout)) return ErrorCode::head_timeout;
      if (now >= after(began, limits.read_timeout)) return ErrorCode::read_timeout;
      return {};
    case Phase::body:
      if (now >= after(began, limits.read_timeout)) return ErrorCode::read_timeout;
      if (!receiving_) return {};
      if (now >= after(received_at_, limits.body_timeout)) return ErrorCode::body_timeout;
      if (now >= slow_body_deadline()) return ErrorCode::body_too_slow;
      return {};
    case Phase::waiting:
    case Phase::closing: return {};
  }
  return {};
}

// A client that still takes its response is not idle.
Instant Connection::idle_since() const noexcept { return std::max(phase_began_, sent_at_); }
uint64_t Connection::confirmed(uint64_t unconfirmed) const noexcept {
  const uint64_t sent = session_->output().drained_total();
  return sent - std::min(sent, unconfirmed);
}

Error Connection::look_at_reader(Instant now) noexcept {
  const uint64_t unconfirmed = worker_.loop().unconfirmed(handle_);
  if (!pace_.measuring()) pace_.begin(sent_at_, confirmed(unconfirmed));
  return pace_.look(now, confirmed(unconfirmed), unconfirmed == 0);
}

bool Connection::drains() const noexcept { return admin() ? worker_.admin_drains() : worker_.draining(); }

base::Duration Connection::idle_limit() const noexcept {
  if (drains()) return kDrainPatience;
  const http::Limits& limits = worker_.options().limits;
  return first_request_ ? limits.header_timeout : limits.idle_timeout;
}

// As much time as a stalled body has, and a second more for every min_body_rate bytes that came.
Instant Connection::slow_body_deadline() const noexcept {
  const http::Limits& limits = worker_.options().limits;
  if (limits.min_body_rate == 0) return Instant::max();
  const base::Duration grace = std::max<base::Duration>(limits.body_timeout, std::chrono::seconds{1});
  return phase_began_ + grace + std::chrono::seconds{body_bytes_ / limits.min_body_rate};
}

Instant Connection::deadline() const noexcept {
  const http::Limits& limits = worker_.options().limits;
  if (state_ == State::lingering) return phase_began_ + linger_limit_;
  if (state_ != State::open) return Instant::max();
  Instant earliest = sending_ ? pace_.next_look(sent_at_) : Instant::max();
  if (session_->holds_head()) earliest = std::min(earliest, head_held_until_);
  if (hijacker_ != nullptr && !to_hijacker_) earliest = std::min(earliest, hijacker_waits_until_);
  const Instant began = live_.empty() ? phase_began_ : live_.back()->began;
  switch (session_->phase()) {
    case Phase::idle: return sending_ ? earliest : std::min(earliest, after(idle_since(), idle_limit()));
    case Phase::head:
      return std::min({earliest, after(phase_began_, limits.header_timeout), after(began, limits.read_timeout)});
    case Phase::body:
      earliest = std::min(earliest, after(began, limits.read_timeout));
      if (!receiving_) return earliest;
      return std::min({earliest, after(received_at_, limits.body_timeout), slow_body_deadline()});
    case Phase::waiting:
    case Phase::closing: return earliest;
  }
  return earliest;
}

// Moving a deadline farther away costs nothing: the timer fires too early once and is set anew.
void Connection::update_timer() noexcept {
  const Instant due = deadline();
  if (due == Instant::max()) return;
  if (!armed() || due < net::Timer::deadline()) worker_.timers().arm(*this, due);
}

void Connection::on_time() noexcept {
  const Instant now = worker_.now();
  if (state_ == State::lingering) {
    // Closed now, the socket would drop what the client has still to take, as soon as the client sends anything.
    const base::Duration most = worker_.options().limits.linger_timeout;
    if (now >= deadline() && linger_limit_ < most && worker_.loop().unconfirmed(handle_) > kFin) {
      linger_limit_ = std::min<base::Duration>(most, linger_limit_ + kDrainLinger);
    }
    if (now >= deadline()) close();
  } else if (state_ == State::open) {
    if (session_->holds_head() && now >= head_held_until_) session_->release_head();
    const bool late = hijacker_ != nullptr && !to_hijacker_ && now >= hijacker_waits_until_;
    if (late && (sending_ || !session_->output().empty())) hand_over_early();
    if (state_ == State::open && sending_ && now >= pace_.next_look(sent_at_)) {
      if (const Error error = look_at_reader(now)) {
        worker_.counters().write_timeouts.add();
        if (error.code == ErrorCode::write_too_slow) worker_.counters().slow_readers.add();
        abort(error);
        return worker_.mark_dirty(*this);
      }
    }
    const Error error = overdue(now);
    if (error.code == ErrorCode::idle_timeout && drains()) {
      end_idle(kDrainIdleLinger);
    } else if (error) {
      worker_.counters().read_timeouts.add();
      if (error.code == ErrorCode::body_too_slow) worker_.counters().slow_bodies.add();
      session_->fail(error);
    }
  }
  worker_.mark_dirty(*this);
}

void Connection::log_error(Error error, const Exchange* exchange) noexcept {
  if (is_everyday(error.code) && worker_.options().log.level > observe::Level::debug) return;
  std::string message;
  if (const int status = base::status_of(error.code); status != 0) {
    base::append_decimal(message, static_cast<uint64_t>(status));
    message += ' ';
  }
  message += base::describe(error);
  message += " (";
  message += origin_.remote();
  if (exchange != nullptr && exchange->request.method_name.size > 0) {
    message += ' ';
    message += exchange->request.view(exchange->request.method_name);
    message += ' ';
    message += exchange->request.view(exchange->request.target).substr(0, 200);
  }
  message += ')';
  worker_.log().write(is_everyday(error.code) ? observe::Level::debug : observe::Level::warn, "http", message);
}

}  // namespace hyperion::server
