#include "ruby/rack/dispatch.hpp"

#include <utility>

#include "base/fork_guard.hpp"
#include "ruby/convert.hpp"
#include "ruby/rack/env.hpp"
#include "ruby/rack/hijack.hpp"
#include "ruby/rack/response.hpp"
#include "ruby/rack/stream.hpp"
#include "ruby/symbols.hpp"

namespace hyperion::ruby::rack {
namespace {

using http::Exchange;
using http::Response;

// A yield that took no longer than this met nobody who wants the lock.
constexpr auto kAtOnce = std::chrono::microseconds{20};

// One request on an app thread. Every member is trivially destructible: a kill may jump over it.
class Service {
 public:
  Service(const Gvl& gvl, Context& context, Pool& pool, Exchange& exchange) noexcept
      : gvl_(gvl), context_(context), pool_(pool), frame_{context, exchange} {}

  // 0, or the jump that must go on (the thread is being killed, or this is a forked child).
  int run() noexcept;

 private:
  Exchange& exchange() const noexcept { return frame_.exchange; }
  bool in_child() const noexcept { return base::fork_generation() != context_.owner; }

  void call_app();
  void send_body();
  void yield_pieces();
  void stream_body();
  void hand_over();
  void close_body();
  bool finish_phase(const Outcome& outcome, const char* what) noexcept;
  void answer_error() noexcept;
  void keep_follow_up() noexcept;
  void follow_up() noexcept;
  void run_callbacks(VALUE list, bool with_arguments, VALUE record, VALUE error) noexcept;
  void log_exception(VALUE error, const char* what) noexcept;

  const Gvl& gvl_;
  Context& context_;
  Pool& pool_;
  Frame frame_;
  Triplet triplet_;
  VALUE hijack_ = Qnil;
  VALUE early_hints_ = Qnil;
  VALUE stream_ = Qnil;
  VALUE error_ = Qnil;
  int jump_ = 0;
  bool answered_ = false;   // kAnswered was signalled
  bool streaming_ = false;  // the stream object releases the exchange
  bool log_failed_ = false;
};

int Service::run() noexcept {
  if (exchange().stage == Exchange::Stage::follow_up) {
    follow_up();
    if (!in_child()) exchange().signal(Exchange::kReleased);
    return jump_;
  }

  bool ok = finish_phase(protect(gvl_, [this] { call_app(); }), "application");
  // A child that the application forked owns nothing of the server; it goes its own way.
  if (in_child()) return jump_;
  disarm(hijack_);
  disarm(early_hints_);

  if (frame_.hijacked) {
    answered_ = true;  // by somebody else
  } else if (ok) {
    ok = finish_phase(protect(gvl_, [this] { read_response(gvl_, context_, exchange(), triplet_); }), "response");
  }
  if (!answered_ && !ok) answer_error();

  keep_follow_up();
  if (!answered_) send_body();
  if (in_child()) return jump_;
  if (!NIL_P(triplet_.body) && !RB_TYPE_P(triplet_.body, T_ARRAY)) {
    (void)finish_phase(protect(gvl_, [this] { close_body(); }), "body.close");
    if (in_child()) return jump_;
  }
  if (streaming_) {
    leave_stream(gvl_, stream_, !NIL_P(error_) || jump_ != 0);
  } else {
    exchange().signal(Exchange::kReleased);
  }
  return jump_;
}

void Service::call_app() {
  hijack_ = make_hijack(frame_);
  const VALUE env = build_env(gvl_, context_, exchange(), hijack_);
  frame_.env = env;
  if (context_.early_hints) {
    early_hints_ = make_early_hints(frame_);
    rb_hash_aset(env, literals.key_early_hints, early_hints_);
  }
  const VALUE arguments[] = {context_.app, env};
  const VALUE answer = rb_funcallv(context_.adapter, ids.dispatch_for_c_loop, 2, arguments);
  if (frame_.hijacked) {
    // Whatever the application returns is ignored, but a body is closed.
    const VALUE parts = rb_check_array_type(answer);
    if (!NIL_P(parts) && RARRAY_LEN(parts) == 3) triplet_.body = rb_ary_entry(parts, 2);
    return;
  }
  triplet_ = split_triplet(answer);
}

// --- Bodies ---

void Service::send_body() {
  Exchange& ex = exchange();
  ex.answered = base::now();
  answered_ = true;
  switch (triplet_.kind) {
    case BodyKind::whole: ex.signal(Exchange::kAnswered); return;
    case BodyKind::each: {
      // What the author has encoded must be decoded in memory, so it cannot go to a file.
      ex.open_pipe(*context_.limits, !ex.response.declared_chunked);
      ex.signal(Exchange::kAnswered);
      const bool complete = finish_phase(protect(gvl_, [this] { yield_pieces(); }), "body.each");
      if (!in_child()) ex.pipe->finish(complete);
      return;
    }
    case BodyKind::stream:
      ex.open_pipe(*context_.limits, false);
      ex.signal(Exchange::kAnswered);
      (void)finish_phase(protect(gvl_, [this] { stream_body(); }), "body.call");
      if (!in_child() && !streaming_) ex.pipe->finish(false);
      return;
    case BodyKind::hijack:
      ex.signal(Exchange::kAnswered);
      (void)finish_phase(protect(gvl_, [this] { hand_over(); }), "rack.hijack");
      return;
  }
}

struct PieceSink {
  const Gvl& gvl;
  Exchange& exchange;
};

VALUE yield_piece(VALUE piece, VALUE data, int, const VALUE*, VALUE) {
  auto& sink = *reinterpret_cast<PieceSink*>(data);
  if (!RB_TYPE_P(piece, T_STRING)) {
    rb_raise(invalid_response, "response body yields %" PRIsVALUE ", not a String", rb_obj_class(piece));
  }
  if (!write_piece(sink.gvl, sink.exchange, piece)) rb_iter_break();
  return Qnil;
}

void Service::yield_pieces() {
  PieceSink sink{gvl_, exchange()};
  rb_block_call(triplet_.body, ids.each, 0, nullptr, yield_piece, reinterpret_cast<VALUE>(&sink));
}

void Service::stream_body() {
  const VALUE input = rb_hash_lookup2(frame_.env, literals.key_input, context_.empty_input);
  stream_ = make_stream(gvl_, exchange(), input);
  streaming_ = true;
  rb_funcall(triplet_.body, ids.call, 1, stream_);
}

void Service::hand_over() {
  const VALUE socket = receive_socket(gvl_, exchange());
  rb_funcall(triplet_.callback, ids.call, 1, socket);
}

void Service::close_body() {
  const VALUE body = std::exchange(triplet_.body, Qnil);
  if (rb_respond_to(body, ids.close) != 0) rb_funcall(body, ids.close, 0);
}

// --- Failures ---

// True when the phase went well. Otherwise its exception is logged, or its jump kept for later.
bool Service::finish_phase(const Outcome& outcome, const char* what) noexcept {
  if (outcome.ok()) return true;
  if (in_child()) {
    jump_ = outcome.state();
    return false;
  }
  const VALUE error = take_exception(gvl_);
  if (NIL_P(error)) {
    // Thread#kill is never swallowed; and it is no reason for a client to wait.
    jump_ = outcome.state();
    pool_.log.write(observe::Level::error, "app", "an app thread was killed while it served a request");
    return false;
  }
  if (NIL_P(error_)) error_ = error;
  log_exception(error, what);
  return false;
}

void Service::answer_error() noexcept {
  Response& response = exchange().response;
  response.clear();
  response.status = 500;
  (void)response.add("content-type", "text/plain");
  response.bytes = "Internal Server Error\n";
  triplet_.kind = BodyKind::whole;
}

// One line: class, message, request, backtrace.
void Service::log_exception(VALUE error, const char* what) noexcept {
  struct Parts {
    VALUE message = Qnil;
    VALUE backtrace = Qnil;
  } parts;
  const Outcome described = protect(gvl_, [&parts, error] {
    parts.message = rb_sprintf("%" PRIsVALUE ": %" PRIsVALUE, rb_obj_class(error), rb_funcall(error, ids.message, 0));
    const VALUE trace = rb_funcall(error, ids.backtrace, 0);
    parts.backtrace = NIL_P(trace) ? rb_str_new_cstr("(no backtrace)") : rb_ary_join(trace, rb_str_new_cstr(" <- "));
  });
  if (!described.ok()) (void)take_exception(gvl_);
  const http::Request& request = exchange().request;
  std::string line{NIL_P(parts.message) ? "an exception that cannot be described" : bytes_of(parts.message)};
  line += " (";
  line += what;
  line += ", ";
  line += request.view(request.method_name);
  line += ' ';
  line += request.view(request.path);
  line += ")";
  if (!NIL_P(parts.backtrace)) {
    line += " backtrace: ";
    line += bytes_of(parts.backtrace);
  }
  pool_.log.write(observe::Level::error, "app", line);
}

// --- Afterwards ---

// Callbacks for the end of the response are kept, with what they are called with, where the collector sees them.
void Service::keep_follow_up() noexcept {
  if (!RB_TYPE_P(frame_.env, T_HASH)) return;
  const Outcome outcome = protect(gvl_, [this] {
    const VALUE finished = rb_hash_lookup(frame_.env, literals.key_response_finished);
    const VALUE after = rb_hash_lookup(frame_.env, literals.key_after_reply);
    const bool any = (RB_TYPE_P(finished, T_ARRAY) && RARRAY_LEN(finished) > 0) ||
                     (RB_TYPE_P(after, T_ARRAY) && RARRAY_LEN(after) > 0);
    if (!any) return;
    const VALUE status = INT2FIX(exchange().response.status);
    const VALUE headers = NIL_P(triplet_.headers) ? rb_hash_new() : triplet_.headers;
    const VALUE record = rb_ary_new_from_args(6, frame_.env, status, headers, finished, after, error_);
    [&]() noexcept { context_.follow_ups.add(exchange(), record); }();
    exchange().wants_follow_up = true;
  });
  if (!outcome.ok()) (void)take_exception(gvl_);
}

void Service::follow_up() noexcept {
  const VALUE record = context_.follow_ups.take(exchange());
  if (NIL_P(record)) return;
  VALUE error = rb_ary_entry(record, 5);
  if (NIL_P(error) && !exchange().delivered) {
    const Outcome made = protect(gvl_, [&error] {
      error = rb_exc_new_cstr(rb_path2class("Hyperion::ClientDisconnected"), "the response was not delivered");
    });
    if (!made.ok()) (void)take_exception(gvl_);
  }
  run_callbacks(rb_ary_entry(record, 3), true, record, error);
  run_callbacks(rb_ary_entry(record, 4), false, record, error);
}

void Service::run_callbacks(VALUE list, bool with_arguments, VALUE record, VALUE error) noexcept {
  if (!RB_TYPE_P(list, T_ARRAY)) return;
  // Rack SPEC, "rack.response_finished": in reverse order.
  for (long i = RARRAY_LEN(list) - 1; i >= 0 && jump_ == 0 && !in_child(); --i) {
    const VALUE callback = rb_ary_entry(list, with_arguments ? i : RARRAY_LEN(list) - 1 - i);
    const Outcome outcome = protect(gvl_, [=] {
      if (with_arguments) {
        rb_funcall(callback, ids.call, 4, rb_ary_entry(record, 0), rb_ary_entry(record, 1), rb_ary_entry(record, 2),
                   error);
      } else {
        rb_funcall(callback, ids.call, 0);
      }
    });
    (void)finish_phase(outcome, with_arguments ? "rack.response_finished" : "rack.after_reply");
  }
}

// --- The thread ---

// Exceptions from outside that reach the thread between requests (a Timeout that fires late) are dropped.
int serve_interrupts(const Gvl& gvl, Pool& pool) noexcept {
  const Outcome outcome = protect(gvl, [] { rb_thread_check_ints(); });
  if (outcome.ok()) return 0;
  const VALUE error = take_exception(gvl);
  if (NIL_P(error)) return outcome.state();
  std::string line = "an exception came from outside between two requests and was dropped: ";
  line += rb_obj_classname(error);
  pool.log.write(observe::Level::warn, "app", line);
  return 0;
}

// Gives the lock to whoever waits for it. The time it took tells whether anybody did.
int yield_lock(const Gvl& gvl, Pool& pool, base::Instant before) noexcept {
  pool.queue.begin_yield();
  const Outcome outcome = protect(gvl, [] { rb_thread_schedule(); });
  const base::Instant now = base::now();
  pool.queue.end_yield(now);
  if (!outcome.ok() && NIL_P(take_exception(gvl))) return outcome.state();
  if (now - before <= kAtOnce && pool.queue.seats() < pool.most && pool.queue.short_of_threads()) {
    pool.want_thread(pool.object);
  }
  return 0;
}

}  // namespace

Leave serve_exchanges(const Gvl& gvl, Context& context, Pool& pool) {
  server::AppQueue& queue = pool.queue;
  server::AppQueue::Seat& seat = queue.enter();
  queue.had_pause(base::now());
  int jump = 0;
  bool fresh = true;  // empty-handed until now
  Leave leave = Leave::closed;
  while (jump == 0) {
    // The last one without a request looks whether the others are blocked before it goes into one itself.
    if (std::exchange(fresh, false) && queue.depth() > 0 && queue.seats() < pool.most && queue.short_of_threads()) {
      jump = yield_lock(gvl, pool, base::now());
      if (jump != 0) break;
    }
    if (Exchange* exchange = queue.next(seat)) {
      exchange->taken = base::now();
      jump = Service{gvl, context, pool, *exchange}.run();
      if (base::fork_generation() != context.owner) break;
      queue.done(seat);
      if (jump == 0) jump = serve_interrupts(gvl, pool);
      const base::Instant now = base::now();
      if (jump == 0 && queue.depth() > 0 && queue.should_yield(now)) jump = yield_lock(gvl, pool, now);
      continue;
    }
    if (!queue.park(seat)) {
      if (queue.closed() && queue.depth() == 0) break;
      continue;
    }
    auto wait = [&](const NoGvl&) noexcept { return seat.wait(pool.idle_patience); };
    auto unblock = [&]() noexcept { seat.interrupt(); };
    const auto wake = Boundary::without_gvl(gvl, wait, unblock);
    const base::Instant now = base::now();
    queue.had_pause(now);
    fresh = true;
    if (wake == server::AppQueue::Seat::Wake::idle && queue.seats() > pool.least) {
      leave = Leave::idle;
      break;
    }
    if (!wake || wake == server::AppQueue::Seat::Wake::interrupted) jump = serve_interrupts(gvl, pool);
  }
  if (base::fork_generation() == context.owner) queue.leave(seat);
  if (jump != 0) throw Jump{jump};
  return leave;
}

}  // namespace hyperion::ruby::rack
