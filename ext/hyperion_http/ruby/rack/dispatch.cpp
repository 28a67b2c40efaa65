#include "ruby/rack/dispatch.hpp"

#include <utility>

#include "base/fork_guard.hpp"
#include "observe/log_fields.hpp"
#include "ruby/convert.hpp"
#include "ruby/rack/env.hpp"
#include "ruby/rack/hijack.hpp"
#include "ruby/rack/log_extras.hpp"
#include "ruby/rack/response.hpp"
#include "ruby/rack/route_apps.hpp"
#include "ruby/rack/stream.hpp"
#include "ruby/symbols.hpp"

namespace hyperion::ruby::rack {
namespace {

using http::Exchange;
using http::Response;

// A yield that took no longer than this met nobody who wants the lock.
constexpr auto kAtOnce = std::chrono::microseconds{20};
// How long the lock is kept for the next request at most, where the exchanges have a share left: time enough for a
// client to send it.
constexpr base::Duration kLongestHold = std::chrono::milliseconds{2};

// One request on an app thread. Every member is trivially destructible: a kill may jump over it.
class Service {
 public:
  Service(const Gvl& gvl, Context& context, Pool& pool, Exchange& exchange) noexcept
      : gvl_(gvl),
        context_(context),
        pool_(pool),
        frame_{context, exchange},
        observed_(context.hooks_wanted->load(std::memory_order_acquire)) {}

  // 0, or the jump that must go on (the thread is being killed, or this is a forked child).
  int run() noexcept;
  // Leaves no VALUE on the stack of a thread that may idle for hours: the collector would find it there.
  void forget() noexcept;

 private:
  Exchange& exchange() const noexcept { return frame_.exchange; }
  bool in_child() const noexcept { return base::fork_generation() != context_.owner; }

  // Whose failure it is: what the application's own callbacks and hooks are told of, or nothing but a log line.
  enum class Blame : uint8_t { application, nobody };

  // Runs `body` protected; true when it went well. Otherwise its exception is logged, or its jump kept for later.
  template <class Body>
  bool phase(const char* what, Body body, Blame blame = Blame::application) noexcept;
  void prepare();
  void call_app();
  void run_hooks(ID list, const char* what, int argc, const VALUE* argv) noexcept;
  void run_start_hooks(VALUE env) noexcept;
  void run_end_hooks(VALUE env, bool answered) noexcept;
  void run_notes() noexcept;
  VALUE make_response();
  void take_log_extras();
  void await_hijackers() noexcept;
  void send_body();
  void release() noexcept;
  void stream_body();
  void hand_over();
  void close_body();
  bool finish_phase(const Outcome& outcome, const char* what, Blame blame = Blame::application) noexcept;
  bool ask_error_handler() noexcept;
  void count_error() noexcept { context_.app_errors->fetch_add(1, std::memory_order_relaxed); }
  void answer_error() noexcept;
  void look_for_follow_up();
  void follow_up() noexcept;
  void run_callbacks(VALUE list, bool with_arguments, VALUE record, VALUE error) noexcept;
  void log_exception(VALUE error, const char* what) noexcept;
  std::string describe(std::string_view what, const char* phase, VALUE backtrace) const;

  const Gvl& gvl_;
  Context& context_;
  Pool& pool_;
  Frame frame_;
  Triplet triplet_;
  VALUE hijack_ = Qnil;
  VALUE early_hints_ = Qnil;
  VALUE stream_ = Qnil;
  VALUE error_ = Qnil;
  VALUE request_ = Qnil;  // Hyperion::Request, for hooks
  const bool observed_;   // there are hooks
  int jump_ = 0;
  int status_ = 0;
  bool answered_ = false;   // kAnswered was signalled
  bool streaming_ = false;  // the stream object releases the exchange
};

// Runs `body()`, which contains its failures, and leaves the kill that is under way as it was: a rescue clause anywhere
// in Ruby code would make Ruby forget it.
template <class Body>
void beside_a_jump(Body& body) noexcept {
  rb_ensure([](VALUE) -> VALUE { return Qnil; }, Qnil,
            [](VALUE argument) -> VALUE {
              (*reinterpret_cast<Body*>(argument))();
              return Qnil;
            },
            reinterpret_cast<VALUE>(&body));
}

int Service::run() noexcept {
  if (exchange().stage == Exchange::Stage::follow_up) {
    follow_up();
    if (!in_child()) exchange().signal(Exchange::kReleased);
    return jump_;
  }

  if (exchange().stage == Exchange::Stage::notes) {
    run_notes();
    if (!in_child()) exchange().signal(Exchange::kReleased);
    return jump_;
  }

  bool ok = phase("application", [this] {
    prepare();
    if (!observed_) call_app();
  });
  if (observed_ && ok) {
    run_start_hooks(frame_.env);
    if (!in_child()) ok = jump_ == 0 && phase("application", [this] { call_app(); });
  }
  disarm(hijack_);
  disarm(early_hints_);
  // A child that the application forked owns nothing of the server; it goes its own way.
  if (in_child()) return jump_;
  await_hijackers();

  if (frame_.hijacked) {
    answered_ = true;  // by somebody else
  } else if (ok) {
    ok = phase("response", [this] { read_response(gvl_, context_, exchange(), triplet_); });
  }
  if (observed_) run_end_hooks(frame_.env, ok && !frame_.hijacked);
  if (in_child()) return jump_;
  if (!answered_ && !ok && !ask_error_handler()) answer_error();
  if (in_child()) return jump_;
  if (context_.log_requests && !frame_.hijacked) {
    (void)phase(
        "hyperion.log_extras", [this] { take_log_extras(); }, Blame::nobody);
  }
  if (in_child()) return jump_;
  status_ = exchange().response.status;
  if (!answered_) send_body();
  if (in_child()) return jump_;
  if (NIL_P(triplet_.body) || RB_TYPE_P(triplet_.body, T_ARRAY)) {
    release();
  } else {
    if (!answered_) exchange().signal(Exchange::kAnswered);
    answered_ = true;
    (void)phase("body.close", [this] { close_body(); });
    if (!in_child()) release();
  }
  return jump_;
}

void Service::forget() noexcept {
  for (VALUE* value : {&frame_.env, &triplet_.status, &triplet_.headers, &triplet_.body, &triplet_.callback, &hijack_,
                       &early_hints_, &stream_, &error_, &request_}) {
    *const_cast<volatile VALUE*>(value) = Qnil;
  }
}

// The application's turn is over: whoever has the exchange next, it is not this thread.
void Service::release() noexcept {
  (void)phase("rack.response_finished", [this] { look_for_follow_up(); });
  if (streaming_) {
    leave_stream(gvl_, stream_, !NIL_P(error_) || jump_ != 0);
  } else {
    // One signal where there is nothing to do in between: one wake-up of the I/O thread.
    exchange().signal(answered_ ? Exchange::kReleased : Exchange::kAnswered | Exchange::kReleased);
  }
}

// A hijacker on another thread uses this one's frame. It waits for the I/O thread, see receive_socket.
void Service::await_hijackers() noexcept {
  constexpr timeval kMoment{.tv_sec = 0, .tv_usec = 1000};
  while (frame_.waiting > 0) {
    (void)phase("rack.hijack", [] { rb_thread_wait_for(kMoment); });
  }
}

void Service::prepare() {
  hijack_ = make_hijack(frame_);
  const VALUE env = build_env(gvl_, context_, exchange(), hijack_);
  frame_.env = env;
  if (context_.early_hints) {
    early_hints_ = make_early_hints(frame_);
    rb_hash_aset(env, literals.key_early_hints, early_hints_);
  }
}

void Service::call_app() {
  const bool routed = exchange().answerer == http::Answerer::block;
  const VALUE arguments[] = {routed ? route_app(context_.route_tables, exchange().route) : context_.app, frame_.env};
  const VALUE answer = rb_funcallv(context_.adapter, ids.dispatch_for_c_loop, 2, arguments);
  if (frame_.hijacked) {
    // Whatever the application returns is ignored, but a body is closed.
    const VALUE parts = rb_check_array_type(answer);
    if (!NIL_P(parts) && RARRAY_LEN(parts) == 3) triplet_.body = rb_ary_entry(parts, 2);
    return;
  }
  triplet_ = split_triplet(answer);
}

// --- Hooks ---

// In order. One that fails is logged, and the next one runs.
void Service::run_hooks(ID list, const char* what, int argc, const VALUE* argv) noexcept {
  const VALUE hooks = rb_ivar_get(context_.runtime, list);  // replaced, never changed
  for (long i = 0; i < RARRAY_LEN(hooks) && !in_child(); ++i) {
    const VALUE hook = RARRAY_AREF(hooks, i);
    (void)phase(
        what, [=] { rb_funcallv(hook, ids.call, argc, argv); }, Blame::nobody);
  }
}

void Service::run_start_hooks(VALUE env) noexcept {
  const VALUE known = frame_.env;
  const auto make = [this, known] { request_ = rb_funcall(context_.request_class, ids.new_object, 1, known); };
  if (!phase("on_request_start", make, Blame::nobody)) return;
  const VALUE arguments[] = {request_, env};
  run_hooks(ids.start_hooks, "on_request_start", 2, arguments);
}

void Service::run_end_hooks(VALUE env, bool answered) noexcept {
  if (NIL_P(request_)) return;  // it did not come so far as to begin
  VALUE response = Qnil;
  const auto make = [this, &response] { response = make_response(); };
  if (answered) (void)phase("on_request_end", make, Blame::nobody);
  const VALUE arguments[] = {request_, env, response, error_};
  run_hooks(ids.end_hooks, "on_request_end", 4, arguments);
}

VALUE Service::make_response() {
  return rb_funcall(context_.response_class, ids.new_object, 3, triplet_.status, triplet_.headers, triplet_.body);
}

// --- The log ---

// What the application, its middleware and the hooks want in the log line of this request.
void Service::take_log_extras() {
  if (!RB_TYPE_P(frame_.env, T_HASH)) return;
  const VALUE extras = rb_hash_lookup(frame_.env, literals.key_log_extras);
  if (NIL_P(extras)) return;
  if (!RB_TYPE_P(extras, T_HASH)) rb_raise(rb_eTypeError, "%s is no Hash", rb_obj_classname(extras));
  pack_fields(gvl_, extras, observe::kAccessFields, exchange().log_fields);
}

// Answers that needed no Ruby: each is put into this exchange in its turn. Its env is only the Request's, and the hooks
// get none: whatever they might write there comes too late.
void Service::run_notes() noexcept {
  // Then requests have their turn; the I/O thread sends the exchange again.
  constexpr int kMost = 32;
  for (int i = 0; i < kMost && jump_ == 0 && !in_child() && context_.notes->take(exchange()); ++i) {
    const bool ok = phase(
        "hooks",
        [this] {
          request_ = Qnil;
          frame_.env = build_env(gvl_, context_, exchange(), Qnil);
          triplet_ = {.status = INT2FIX(exchange().response.status), .headers = headers_of(exchange().response)};
        },
        Blame::nobody);
    if (!ok) continue;
    run_start_hooks(Qnil);
    run_end_hooks(Qnil, true);
  }
}

// --- Bodies ---

// Signals kAnswered, except for a body that is there already: that one may be released with the same signal.
void Service::send_body() {
  Exchange& ex = exchange();
  ex.answered = base::now();
  if (triplet_.kind == BodyKind::whole) return;
  answered_ = true;
  switch (triplet_.kind) {
    case BodyKind::whole: return;
    case BodyKind::each: {
      // What the author has encoded must be decoded in memory, so it cannot go to a file.
      ex.open_pipe(*context_.limits, !ex.response.declared_chunked);
      ex.signal(Exchange::kAnswered);
      bool whole = false;
      const bool ok = phase("body.each", [this, &whole] { whole = write_each(gvl_, exchange(), triplet_.body); });
      if (!in_child()) ex.pipe->finish(ok && whole);
      return;
    }
    case BodyKind::stream:
      ex.open_pipe(*context_.limits, !ex.response.declared_chunked);
      ex.signal(Exchange::kAnswered);
      (void)phase("body.call", [this] { stream_body(); });
      if (!in_child() && !streaming_) ex.pipe->finish(false);
      return;
    case BodyKind::hijack:
      ex.signal(Exchange::kAnswered);
      (void)phase("rack.hijack", [this] { hand_over(); });
      return;
  }
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

template <class Body>
bool Service::phase(const char* what, Body body, Blame blame) noexcept {
  bool ok = false;
  auto run = [&]() noexcept { ok = finish_phase(protect(gvl_, body), what, blame); };
  if (jump_ == 0) {
    run();
  } else {
    beside_a_jump(run);
  }
  return ok;
}

bool Service::finish_phase(const Outcome& outcome, const char* what, Blame blame) noexcept {
  if (outcome.ok()) return true;
  if (in_child()) {
    jump_ = outcome.state();
    return false;
  }
  const VALUE error = take_exception(gvl_);
  if (NIL_P(error)) {
    // Thread#kill is never swallowed; and it is no reason for a client to wait.
    jump_ = outcome.state();
    if (blame == Blame::application && NIL_P(error_)) count_error();
    if (exchange().overdue()) return false;  // whoever killed it has told why
    pool_.log.write(observe::Level::error, "app",
                    describe("an app thread was killed while it served a request", what, Qnil));
    return false;
  }
  if (rb_obj_class(error) == client_disconnected) return false;  // ours: nobody's fault
  const bool first = blame == Blame::application && NIL_P(error_);
  if (first) error_ = error;
  // A writer whose client is gone, let through by the application: not worth a line.
  if (exchange().gone() && rb_obj_class(error) == broken_pipe) return false;
  if (first) count_error();
  log_exception(error, what);
  return false;
}

// What the application raised may have an answer of the user's own. False when there is none.
bool Service::ask_error_handler() noexcept {
  const VALUE handler = context_.error_handler;
  if (NIL_P(handler) || NIL_P(error_) || jump_ != 0) return false;
  if (!NIL_P(triplet_.body)) (void)phase("body.close", [this] { close_body(); });
  const auto ask = [this, handler] {
    exchange().response.clear();
    const VALUE arguments[] = {error_, frame_.env, INT2FIX(500)};
    triplet_ = split_triplet(rb_funcallv(handler, ids.call, 3, arguments));
    read_response(gvl_, context_, exchange(), triplet_);
  };
  return phase("lowlevel_error_handler", ask, Blame::nobody);
}

void Service::answer_error() noexcept {
  Response& response = exchange().response;
  response.clear();
  response.status = 500;
  (void)response.add("content-type", "text/plain");
  response.bytes = "Internal Server Error\n";
  triplet_.kind = BodyKind::whole;
}

// "what (phase, GET /path) backtrace: a <- b"
std::string Service::describe(std::string_view what, const char* phase, VALUE backtrace) const {
  constexpr size_t kMostBacktrace = 16 * 1024;
  const http::Request& request = exchange().request;
  std::string line{what};
  line += " (";
  line += phase;
  line += ", ";
  line += request.view(request.method_name);
  line += ' ';
  line += request.view(request.path).substr(0, 512);
  line += ")";
  if (!RB_TYPE_P(backtrace, T_ARRAY)) return line;
  line += " backtrace: ";
  const size_t begin = line.size();
  for (long i = 0; i < RARRAY_LEN(backtrace); ++i) {
    const VALUE frame = rb_ary_entry(backtrace, i);
    if (!RB_TYPE_P(frame, T_STRING)) continue;
    if (line.size() > begin) line += " <- ";
    if (line.size() - begin > kMostBacktrace) return line += "...";
    line += bytes_of(frame);
  }
  return line;
}

// One line. Whatever the exception's own methods do, its class is told.
void Service::log_exception(VALUE error, const char* what) noexcept {
  struct Parts {
    VALUE name = Qnil;
    VALUE message = Qnil;
    VALUE backtrace = Qnil;
  } parts;
  const int before = jump_;
  const auto attempt = [this, before](auto step) noexcept {
    if (jump_ != before) return;  // killed by the exception's own methods
    const Outcome outcome = protect(gvl_, step);
    if (!outcome.ok() && NIL_P(take_exception(gvl_))) jump_ = outcome.state();
  };
  attempt([&parts, error] { parts.name = rb_class_name(rb_obj_class(error)); });
  attempt([&parts, error] { parts.message = rb_obj_as_string(rb_funcall(error, ids.message, 0)); });
  attempt([&parts, error] { parts.backtrace = rb_funcall(error, ids.backtrace, 0); });
  std::string text{NIL_P(parts.name) ? "an exception" : bytes_of(parts.name)};
  text += ": ";
  text += NIL_P(parts.message) ? "(its message cannot be had)" : bytes_of(parts.message);
  pool_.log.write(observe::Level::error, "app", describe(text, what, parts.backtrace));
}

// --- Afterwards ---

// Callbacks for the end of the response are kept, with what they are called with, where the collector sees them.
void Service::look_for_follow_up() {
  if (!RB_TYPE_P(frame_.env, T_HASH)) return;
  const VALUE finished = rb_hash_lookup(frame_.env, literals.key_response_finished);
  const VALUE after = rb_hash_lookup(frame_.env, literals.key_after_reply);
  const bool any = (RB_TYPE_P(finished, T_ARRAY) && RARRAY_LEN(finished) > 0) ||
                   (RB_TYPE_P(after, T_ARRAY) && RARRAY_LEN(after) > 0);
  if (!any) return;
  // Rack SPEC: status and headers are nil when there was no response to speak of.
  const VALUE status = frame_.hijacked ? Qnil : INT2FIX(status_);
  const VALUE record = rb_ary_new_from_args(6, frame_.env, status, triplet_.headers, finished, after, error_);
  [&]() noexcept { context_.follow_ups.add(exchange(), record); }();
  exchange().wants_follow_up = true;
}

void Service::follow_up() noexcept {
  const VALUE record = context_.follow_ups.take(exchange());
  if (NIL_P(record)) return;
  VALUE error = rb_ary_entry(record, 5);
  if (NIL_P(error) && !exchange().delivered) {
    const Outcome made =
        protect(gvl_, [&error] { error = rb_exc_new_cstr(client_disconnected, "the response was not delivered"); });
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
    (void)phase(with_arguments ? "rack.response_finished" : "rack.after_reply", [=] {
      if (with_arguments) {
        rb_funcall(callback, ids.call, 4, rb_ary_entry(record, 0), rb_ary_entry(record, 1), rb_ary_entry(record, 2),
                   error);
      } else {
        rb_funcall(callback, ids.call, 0);
      }
    });
  }
}

// --- The thread ---

// 0, or the jump that must go on. An exception from outside that reaches the thread between two requests (a Timeout
// that fires late) is nobody's: dropped, and logged.
int contain(const Gvl& gvl, Pool& pool, const Outcome& outcome) noexcept {
  if (outcome.ok()) return 0;
  const VALUE error = take_exception(gvl);
  if (NIL_P(error)) return outcome.state();
  std::string line = "an exception came from outside between two requests and was dropped: ";
  line += rb_obj_classname(error);
  pool.log.write(observe::Level::warn, "app", line);
  return 0;
}

int serve_interrupts(const Gvl& gvl, Pool& pool) noexcept {
  return contain(gvl, pool, protect(gvl, [] { rb_thread_check_ints(); }));
}

// Gives the lock to whoever waits for it. The time it took tells whether anybody did.
int yield_lock(const Gvl& gvl, Pool& pool, base::Instant before) noexcept {
  pool.queue.begin_yield();
  const Outcome outcome = protect(gvl, [] { rb_thread_schedule(); });
  const base::Instant now = base::now();
  pool.queue.end_yield(before, now);
  if (const int jump = contain(gvl, pool, outcome)) return jump;
  if (now - before <= kAtOnce && pool.queue.seats() < pool.most && pool.queue.short_of_threads()) {
    pool.want_thread(pool.object);
  }
  return 0;
}

}  // namespace

Leave serve_exchanges(const Gvl& gvl, Context& context, Pool& pool) {
  server::AppQueue& queue = pool.queue;
  server::AppQueue::Seat& seat = queue.enter(pool.number);
  int jump = 0;
  bool fresh = true;  // empty-handed until now
  const bool may_expire = context.limits->request_timeout != base::Duration::zero();
  Leave leave = Leave::closed;
  while (jump == 0) {
    // The last one without a request looks whether the others are blocked before it goes into one itself.
    if (std::exchange(fresh, false) && queue.depth() > 0 && queue.seats() < pool.most && queue.short_of_threads()) {
      jump = yield_lock(gvl, pool, base::now());
      if (jump != 0) break;
    }
    if (Exchange* exchange = queue.next(seat)) {
      const base::Instant taken = base::now();
      exchange->taken.store(taken, std::memory_order_relaxed);
      if (may_expire && exchange->stage == Exchange::Stage::request && !exchange->claim()) {
        exchange->signal(Exchange::kReleased);
        queue.done(seat);
        continue;
      }
      queue.began(taken);
      Service service{gvl, context, pool, *exchange};
      jump = service.run();
      service.forget();
      if (base::fork_generation() != context.owner) break;
      if (queue.sampling()) queue.look_for_crowd(base::now());
      queue.done(seat);
      if (jump == 0) jump = serve_interrupts(gvl, pool);
      if (seat.abandoned() || seat.doomed()) break;
      const base::Instant now = base::now();
      queue.served(now);
      if (jump != 0) continue;
      if (!queue.crowded() || !queue.step_back(seat)) {
        if (queue.depth() > 0 && queue.should_yield(now)) jump = yield_lock(gvl, pool, now);
        continue;
      }
    } else if (!queue.park(seat)) {
      if (queue.closed() && queue.depth() == 0) break;
      continue;
    } else if (queue.share_left(base::now()) > kLongestHold && queue.wait_with_lock(seat, kLongestHold)) {
      continue;
    }
    using Wake = server::AppQueue::Seat::Wake;
    auto wait = [&](const NoGvl&) noexcept { return queue.wait(seat, pool.idle_patience); };
    auto unblock = [&]() noexcept { seat.interrupt(); };
    auto wake = Boundary::without_gvl(gvl, wait, unblock);
    base::Instant now = base::now();
    while (wake == Wake::called && queue.misled(seat, now) && queue.step_back(seat)) {
      wake = Boundary::without_gvl(gvl, wait, unblock);
      now = base::now();
    }
    queue.had_pause(wake == Wake::called ? seat.asked_at() : now, now);
    fresh = true;
    if (wake == Wake::idle && queue.seats() > pool.least) {
      leave = Leave::idle;
      break;
    }
    if (!wake || wake == Wake::interrupted) jump = serve_interrupts(gvl, pool);
  }
  if (base::fork_generation() == context.owner) queue.leave(seat);
  if (jump != 0) throw Jump{jump};
  return leave;
}

}  // namespace hyperion::ruby::rack
