#include "ruby/classes/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/fork_guard.hpp"
#include "net/uring_probe.hpp"
#include "observe/log_fields.hpp"
#include "observe/log_format.hpp"
#include "observe/snapshot.hpp"
#include "ruby/classes/metrics.hpp"
#include "ruby/classes/route_table.hpp"
#include "ruby/classes/runtime.hpp"
#include "ruby/convert.hpp"
#include "ruby/rack/dispatch.hpp"
#include "ruby/rack/env.hpp"
#include "ruby/rack/input.hpp"
#include "ruby/rack/log_extras.hpp"
#include "ruby/symbols.hpp"
#include "ruby/typed_data.hpp"
#include "serve/admin.hpp"
#include "serve/routes.hpp"
#include "server/admin_desk.hpp"
#include "server/engine.hpp"

namespace hyperion::ruby {
namespace {

using Arguments = std::span<const VALUE>;

// What the supervisor of the app threads waits for.
class Orders {
 public:
  // A thread more would help.
  void want_thread() noexcept {
    const std::lock_guard lock{mutex_};
    wanted_ = true;
    changed_.notify_all();
  }
  // A thread more might help: work waits, and no thread is idle.
  void suggest_thread() noexcept {
    const std::lock_guard lock{mutex_};
    suggested_ = true;
    changed_.notify_all();
  }
  // Requests take too long.
  void alert() noexcept {
    const std::lock_guard lock{mutex_};
    alerted_ = true;
    changed_.notify_all();
  }
  void thread_ended() noexcept {
    const std::lock_guard lock{mutex_};
    ended_ = true;
    changed_.notify_all();
  }
  // Somebody with the right to say so wants the server to end.
  void quit() noexcept {
    const std::lock_guard lock{mutex_};
    quit_ = true;
    changed_.notify_all();
  }
  void interrupt() noexcept {
    const std::lock_guard lock{mutex_};
    interrupted_ = true;
    changed_.notify_all();
  }
  enum class Order : uint8_t { none, look, thread_wanted, thread_ended, overdue, quit };
  // `patience` over counts as a suggestion.
  Order wait(base::Duration patience) noexcept {
    std::unique_lock lock{mutex_};
    const auto any = [&] { return wanted_ || suggested_ || ended_ || alerted_ || interrupted_ || quit_; };
    if (patience == base::Duration::max()) {
      changed_.wait(lock, any);
    } else {
      changed_.wait_for(lock, patience, any);
    }
    if (std::exchange(interrupted_, false)) return Order::none;
    if (std::exchange(quit_, false)) return Order::quit;
    if (std::exchange(ended_, false)) return Order::thread_ended;
    if (std::exchange(alerted_, false)) return Order::overdue;
    suggested_ = false;
    return std::exchange(wanted_, false) ? Order::thread_wanted : Order::look;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool suggested_ = false;
  bool ended_ = false;
  bool alerted_ = false;
  bool interrupted_ = false;
  bool quit_ = false;
};

// Who may use the admin paths, and how.
struct AdminSettings {
  std::string token;
  bool own_listener = false;
  server::PageFacts facts;
  std::shared_ptr<const observe::Registry> registry;

  bool wanted() const noexcept { return own_listener || !token.empty(); }
};

// The native half. The parts are made by `initialize`, and belong together for good.
struct Half {
  struct Parts {
    Parts(server::Options options, int least, int most, AdminSettings settings)
        : queue(options.io_threads, most,
                {.call = [](void* self) noexcept { static_cast<Parts*>(self)->work_waits(); },
                 .alert = [](void* self) noexcept { static_cast<Parts*>(self)->orders.alert(); },
                 .object = this}),
          routes(std::max(1U, options.io_threads), options.hooks_wanted),
          engine(std::move(options), queue),
          desk(engine, queue, static_cast<unsigned>(most), std::move(settings.facts), std::move(settings.registry),
               {[](void* self) noexcept { static_cast<Parts*>(self)->orders.quit(); }, this}),
          least_threads(least),
          most_threads(most) {
      if (settings.wanted()) {
        admin.emplace(std::move(settings.token), settings.own_listener, desk);
        engine.add_responder(*admin);
      }
      engine.add_responder(routes);
    }

    bool can_grow() const noexcept { return queue.seats() < most_threads; }
    void work_waits() noexcept {
      if (can_grow()) orders.suggest_thread();
    }

    Orders orders;
    server::AppQueue queue;
    serve::Routes routes;
    server::Engine engine;
    server::AdminDesk desk;
    std::optional<serve::Admin> admin;
    rack::Context context;
    int least_threads;
    int most_threads;
    int inside = 0;  // threads that wait in here without the lock; guarded by it
  };

  std::unique_ptr<Parts> parts;

  ~Half() {
    if (parts != nullptr && !let_go()) (void)parts.release();
  }

  // Ends everything. False when somebody still holds a part of it: an app thread that hangs in a native call, one that
  // waits for an order, a stream that was never closed. That must stay where it is.
  bool let_go() noexcept {
    parts->engine.stop();
    server::AppQueue& queue = parts->queue;
    if (parts->inside > 0 || queue.seats() > 0 || queue.abandoned() > 0) return false;
    server::AppQueue::Seat& seat = queue.enter();
    while (http::Exchange* exchange = queue.next(seat)) {
      exchange->released = true;  // never taken
      queue.done(seat);
    }
    queue.leave(seat);
    return parts->engine.exchanges_held() == 0;
  }
};

struct EngineTraits {
  static constexpr const char* name = "Hyperion::Engine";
  static void mark(const Half& half) {
    if (half.parts != nullptr) half.parts->context.mark();
  }
};
using EngineData = TypedData<Half, EngineTraits>;

Half::Parts& parts_of(const Gvl& gvl, VALUE self) {
  Half& half = EngineData::of(gvl, self);
  if (half.parts == nullptr) throw Raise{rb_eRuntimeError, "the engine is closed"};
  if (half.parts->context.owner != base::fork_generation()) {
    throw Raise{rb_eRuntimeError, "the engine belongs to the process that this one was forked from"};
  }
  return *half.parts;
}

// Without the lock, while the parts stay. Whoever needs them afterwards asks for them again: the engine may have been
// closed as soon as another thread had the lock.
template <class Work, class Unblock>
auto wait_inside(const Gvl& gvl, Half::Parts& parts, Work& work, Unblock& unblock) noexcept {
  ++parts.inside;
  auto result = Boundary::without_gvl(gvl, work, unblock);
  --parts.inside;
  return result;
}

void check(const base::Status& status, std::string what) {
  if (status.ok()) return;
  const base::Error error = status.error();
  if (error.os_errno != 0) throw RaiseErrno{error.os_errno, std::move(what)};
  throw Raise{rb_eRuntimeError, what + ": " + base::describe(error)};
}

// A Hash with Symbol keys; every key must be there, for the defaults are Ruby's business.
class Settings {
 public:
  Settings(const Gvl& gvl, VALUE hash) : gvl_(gvl), hash_(hash) {
    checked(gvl, [hash] { Check_Type(hash, T_HASH); });
  }
  VALUE get(const char* key) const {
    VALUE value = Qundef;
    const VALUE hash = hash_;
    checked(gvl_, [&value, hash, key] { value = rb_hash_lookup2(hash, ID2SYM(rb_intern(key)), Qundef); });
    if (value == Qundef) throw Raise{rb_eKeyError, std::string{"missing setting: "} + key};
    return value;
  }
  uint64_t number(const char* key) const { return to_u64(gvl_, get(key)); }
  base::Duration duration(const char* key) const { return to_duration(gvl_, get(key)); }
  bool flag(const char* key) const { return RTEST(get(key)); }
  std::string text(const char* key) const { return to_text(gvl_, get(key)); }

 private:
  const Gvl& gvl_;
  VALUE hash_;
};

observe::Level level_of(const std::string& name) {
  for (const auto level : {observe::Level::debug, observe::Level::info, observe::Level::warn, observe::Level::error,
                           observe::Level::fatal}) {
    if (observe::text_of(level) == name) return level;
  }
  throw Raise{rb_eArgError, "unknown log level: " + name};
}

server::Options options_from(const Settings& settings) {
  server::Options options;
  http::Limits& limits = options.limits;
  limits.max_header_bytes = settings.number("max_header_bytes");
  limits.max_body_bytes = settings.number("max_body_bytes");
  limits.header_timeout = settings.duration("header_timeout");
  limits.body_timeout = settings.duration("body_timeout");
  limits.min_body_rate = settings.number("min_body_rate");
  limits.read_timeout = settings.duration("max_request_read_seconds");
  limits.soft_request_timeout = settings.duration("soft_request_timeout");
  limits.request_timeout = settings.duration("request_timeout");
  limits.write_timeout = settings.duration("write_timeout");
  limits.min_write_rate = settings.number("min_write_rate");
  limits.idle_timeout = settings.duration("idle_keepalive");
  limits.drop_underscore_fields = settings.flag("drop_underscore_headers");
  options.max_pending = settings.number("max_pending");
  options.max_in_flight_per_connection = settings.number("max_in_flight_per_conn");
  options.max_connections = settings.number("max_connections");
  options.max_connections_per_address = settings.number("max_connections_per_address");
  options.listen.backlog = static_cast<int>(settings.number("backlog"));
  options.io_threads = static_cast<unsigned>(settings.number("io_threads"));
  options.loop = net::loop_wish(settings.text("loop"));
  options.log.level = level_of(settings.text("log_level"));
  const auto format = settings.text("log_format") == "json" ? observe::Format::json : observe::Format::text;
  options.log.out = {.format = format, .color = settings.flag("log_color")};
  options.log.error = {.format = format, .color = settings.flag("log_error_color")};
  if (settings.flag("log_lines")) {
    options.log.out.bare = true;
    options.log.outbox = std::make_shared<observe::Outbox>();
  }
  options.log.requests = settings.flag("log_requests");
  options.log.out_fd = static_cast<int>(settings.number("log_out"));
  options.log.error_fd = static_cast<int>(settings.number("log_err"));
  return options;
}

// Engine.new(settings)
VALUE initialize(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  const Settings settings{gvl, arguments[0]};
  Half& half = EngineData::of(gvl, self);
  if (half.parts != nullptr) throw Raise{rb_eRuntimeError, "the engine is initialized already"};
  const unsigned owner = base::fork_generation();
  server::Options options = options_from(settings);
  options.hooks_wanted = hooks_wanted_of(gvl, settings.get("runtime"));
  options.metrics = settings.flag("metrics");
  if (settings.flag("path_templater")) options.templater = std::make_shared<observe::TemplateQueue>(options.io_threads);
  AdminSettings admin{.token = settings.text("admin_token"),
                      .own_listener = settings.flag("admin_listener"),
                      .facts = {.version = settings.text("version"), .ruby = settings.text("ruby_version")},
                      .registry = registry_of(gvl, settings.get("registry"))};
  const std::shared_ptr<serve::RouteTable> routes = route_table_of(gvl, settings.get("routes"));
  half.parts = std::make_unique<Half::Parts>(std::move(options), static_cast<int>(settings.number("min_threads")),
                                             static_cast<int>(settings.number("max_threads")), std::move(admin));
  half.parts->routes.use(routes);
  rack::Context& context = half.parts->context;
  context.limits = &half.parts->engine.options().limits;
  context.owner = owner;
  context.early_hints = settings.flag("early_hints");
  context.rack_3 = settings.flag("rack_3");
  context.log_requests = half.parts->engine.log().logs_requests();
  context.app = settings.get("app");
  context.runtime = settings.get("runtime");
  context.hooks_wanted = half.parts->engine.options().hooks_wanted;
  context.notes = &half.parts->engine.notes();
  context.app_errors = &half.parts->engine.area().common().app_errors;
  context.rack_errors = settings.get("rack_errors");
  context.error_handler = settings.get("error_handler");
  const VALUE software = settings.get("server_software");
  const VALUE table = settings.get("routes");
  const bool multithread = half.parts->most_threads > 1;
  checked(gvl, [&context, &gvl, software, table, multithread] {
    context.route_tables = rb_ary_new_from_args(1, table);
    context.adapter = rb_path2class("Hyperion::Adapter::Rack");
    context.request_class = rb_path2class("Hyperion::Request");
    context.response_class = rb_path2class("Hyperion::Response");
    context.empty_input = rack::make_empty_input(gvl);
    context.env_template = rack::make_env_template(context, software, multithread, false);
  });
  return self;
}

VALUE listen_tcp(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 2, 2);
  const std::string host = to_text(gvl, arguments[0]);
  const uint64_t port = to_u64(gvl, arguments[1]);
  if (port > 65535) throw Raise{rb_eArgError, "port " + std::to_string(port) + " is above 65535"};
  check(parts_of(gvl, self).engine.listen_tcp(host, static_cast<uint16_t>(port)), host + ":" + std::to_string(port));
  return Qnil;
}

VALUE listen_unix(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 2, 2);
  const std::string path = to_text(gvl, arguments[0]);
  const int mode = NIL_P(arguments[1]) ? -1 : static_cast<int>(to_i64(gvl, arguments[1]));
  check(parts_of(gvl, self).engine.listen_unix(path, mode), path);
  return Qnil;
}

// listen_inherited(descriptor, ours = false)
VALUE listen_inherited(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 2);
  const int fd = static_cast<int>(to_i64(gvl, arguments[0]));
  const bool ours = arguments.size() > 1 && RTEST(arguments[1]);
  check(parts_of(gvl, self).engine.listen_inherited(fd, ours), "descriptor " + std::to_string(fd));
  return Qnil;
}

// Before drain and stop: descriptors of the listening sockets, in the order of `urls`, for the process that comes
// after this one. The caller owns them; they close with an exec unless it says otherwise.
VALUE hand_on(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  auto made = parts_of(gvl, self).engine.hand_on();
  if (!made) check(made.error(), "the listening sockets");
  VALUE list = Qnil;
  std::vector<base::UniqueFd>& copies = made.value();
  checked(gvl, [&] {
    list = rb_ary_new();
    for (base::UniqueFd& copy : copies) rb_ary_push(list, INT2FIX(copy.release()));
  });
  return list;
}

// The admin paths' own listener.
VALUE listen_admin(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 2, 2);
  const std::string host = to_text(gvl, arguments[0]);
  const auto port = static_cast<uint16_t>(to_u64(gvl, arguments[1]));
  check(parts_of(gvl, self).engine.listen_admin(host, port), host + ":" + std::to_string(port));
  return Qnil;
}

VALUE urls_with_role(const Gvl& gvl, VALUE self, int role) {
  const auto& listeners = parts_of(gvl, self).engine.listeners();
  VALUE list = Qnil;
  checked(gvl, [&] {
    list = rb_ary_new();
    for (const net::Listener& listener : listeners) {
      if (listener.role() == role) rb_ary_push(list, to_string(listener.url()));
    }
  });
  return list;
}

VALUE urls(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return urls_with_role(gvl, self, 0);
}

VALUE admin_urls(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return urls_with_role(gvl, self, server::kAdminRole);
}

// The first TCP listener's; nil when there is none.
VALUE port(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  for (const net::Listener& listener : parts_of(gvl, self).engine.listeners()) {
    if (!listener.is_unix() && listener.role() == 0) return INT2FIX(listener.port());
  }
  return Qnil;
}

VALUE start(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  check(parts_of(gvl, self).engine.start(), "start");
  return Qnil;
}

// The application can be reached: /-/readyz says so.
VALUE open(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  parts_of(gvl, self).desk.open();
  return Qnil;
}

// Waits for paths that the templater has not seen: [[number, path], ...], empty when interrupted, nil at the end.
VALUE wait_paths(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  // Outlives the engine, where the end overtakes this thread.
  const std::shared_ptr<observe::TemplateQueue> queue = parts_of(gvl, self).engine.options().templater;
  if (queue == nullptr) return Qnil;
  auto work = [&](const NoGvl&) noexcept { return queue->wait(); };
  auto unblock = [&]() noexcept { queue->interrupt(); };
  const auto questions = Boundary::without_gvl(gvl, work, unblock);
  checked(gvl, [] { rb_thread_check_ints(); });
  if (queue->closed()) return Qnil;
  VALUE list = Qnil;
  checked(gvl, [&] {
    list = rb_ary_new();
    if (!questions) return;
    for (const auto& question : *questions) {
      const VALUE path = rb_utf8_str_new(question.path.data(), static_cast<long>(question.path.size()));
      rb_ary_push(list, rb_assoc_new(UINT2NUM(question.io_thread), path));
    }
  });
  return list;
}

// name_path(number, path, shape or nil)
VALUE name_path(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 3, 3);
  const std::shared_ptr<observe::TemplateQueue> queue = parts_of(gvl, self).engine.options().templater;
  const observe::TemplateQueue::Question question{.path = to_text(gvl, arguments[1]),
                                                  .io_thread = static_cast<unsigned>(to_u64(gvl, arguments[0]))};
  queue->answer(question, NIL_P(arguments[2]) ? std::string{} : to_text(gvl, arguments[2]));
  return Qnil;
}

// wait_paths returns nil from now on.
VALUE close_paths(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  const auto& queue = parts_of(gvl, self).engine.options().templater;
  if (queue != nullptr) queue->close();
  return Qnil;
}

// "epoll" or "io_uring"; nil before start.
VALUE event_loop(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  const std::string_view name = parts_of(gvl, self).engine.loop_name();
  if (name.empty()) return Qnil;
  VALUE text = Qnil;
  checked(gvl, [&] { text = to_literal(name); });
  return text;
}

// Engine.io_uring -> nil when it can be used here and now, else the reason.
VALUE io_uring(const Gvl& gvl, VALUE, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  const net::UringProbe probe = net::probe_uring();
  if (probe.usable()) return Qnil;
  VALUE text = Qnil;
  const std::string_view reason = probe.reason;
  checked(gvl, [&] { text = to_literal(reason); });
  return text;
}

// serve(number): the body of an app thread, which `overdue` calls by its number; :closed or :idle.
VALUE serve(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  const auto number = static_cast<unsigned>(to_u64(gvl, arguments[0]));
  Half::Parts& parts = parts_of(gvl, self);
  // Threads above the minimum go when they have had nothing to do for so long.
  constexpr auto kIdlePatience = std::chrono::seconds{10};
  const bool elastic = parts.most_threads > parts.least_threads;
  rack::Pool pool{.queue = parts.queue,
                  .log = parts.engine.log(),
                  .least = parts.least_threads,
                  .most = parts.most_threads,
                  .idle_patience = elastic ? base::Duration{kIdlePatience} : base::Duration::max(),
                  .want_thread = [](void* orders) noexcept { static_cast<Orders*>(orders)->want_thread(); },
                  .object = &parts.orders,
                  .number = number};
  const rack::Leave leave = rack::serve_exchanges(gvl, parts.context, pool);
  return ID2SYM(rb_intern(leave == rack::Leave::idle ? "idle" : "closed"));
}

// Whether nobody else wants the lock: then all who are inside a request are blocked outside it.
bool lock_is_free(const Gvl& gvl) {
  // A yield that took no longer than this met nobody.
  constexpr auto kAtOnce = std::chrono::microseconds{20};
  const base::Instant before = base::now();
  checked(gvl, [] { rb_thread_schedule(); });
  return base::now() - before <= kAtOnce;
}

// wait_order(seconds), nil: for ever. Waits for a change in the pool: :wanted, :ended, :overdue, nil when interrupted
// or the time is over; or :quit, once, when the server is to end.
VALUE wait_order(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  const base::Instant until = NIL_P(arguments[0]) ? base::Instant::max() : base::now() + to_duration(gvl, arguments[0]);
  // While work waits and all are busy, whether they compute or are blocked is looked at so often.
  constexpr auto kLookAgain = std::chrono::milliseconds{1};
  const auto short_handed = [](const Half::Parts& all) {
    return all.queue.depth() > 0 && all.can_grow() && all.queue.exhausted();
  };
  while (true) {
    base::Duration patience = until == base::Instant::max() ? base::Duration::max() : until - base::now();
    if (patience <= base::Duration::zero()) return Qnil;
    Half::Parts& parts = parts_of(gvl, self);
    if (short_handed(parts)) patience = std::min<base::Duration>(patience, kLookAgain);
    auto work = [&](const NoGvl&) noexcept { return parts.orders.wait(patience); };
    auto unblock = [&]() noexcept { parts.orders.interrupt(); };
    const auto order = wait_inside(gvl, parts, work, unblock);
    checked(gvl, [] { rb_thread_check_ints(); });
    switch (order.value_or(Orders::Order::none)) {
      case Orders::Order::none: return Qnil;
      case Orders::Order::quit: return ID2SYM(rb_intern("quit"));
      case Orders::Order::thread_ended: return ID2SYM(rb_intern("ended"));
      case Orders::Order::overdue: return ID2SYM(rb_intern("overdue"));
      case Orders::Order::thread_wanted: return ID2SYM(rb_intern("wanted"));
      case Orders::Order::look: {
        const Half::Parts& now = parts_of(gvl, self);
        // Where there is no thread at all, one is needed whatever else goes on.
        if (short_handed(now) && (now.queue.seats() == 0 || lock_is_free(gvl))) return ID2SYM(rb_intern("wanted"));
      }
    }
  }
}

// An app thread is about to end, however that came; wait_order says :ended.
VALUE thread_ended(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  parts_of(gvl, self).orders.thread_ended();
  return Qnil;
}

// What a request is for, for a log line.
std::string line_of(const http::Request& request) {
  std::string line{request.view(request.method_name)};
  line += ' ';
  line += request.view(request.path).substr(0, 512);
  return line;
}

// overdue({number => Thread}) -> [[number, serial, hard, "GET /path", seconds, backtrace], ...]: the requests that take
// too long, and what their threads do. Who is past the hard limit has been killed: here, because between the look at
// his request and the kill the lock is not given away, so that the kill hits this request and no later one.
VALUE overdue(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  server::AppQueue& queue = parts_of(gvl, self).queue;
  const std::vector<server::AppQueue::Overdue> found = queue.take_overdue();
  VALUE list = Qnil;
  checked(gvl, [&list] { list = rb_ary_new(); });
  for (const server::AppQueue::Overdue& one : found) {
    server::AppQueue::Seat* seat = queue.seat_of(one);
    if (seat == nullptr) continue;
    const VALUE number = UINT2NUM(seat->number());
    const VALUE threads = arguments[0];
    VALUE thread = Qnil;
    VALUE backtrace = Qnil;
    checked(gvl, [&] {
      thread = rb_hash_lookup(threads, number);
      if (!NIL_P(thread)) backtrace = rb_funcall(thread, rb_intern("backtrace"), 0);
    });
    if (NIL_P(thread) || queue.seat_of(one) != seat) continue;
    if (one.hard) {
      // The application may end the kill (a throw in an ensure clause), and Ruby kills no thread twice.
      seat->doom();
      checked(gvl, [thread] { rb_thread_kill(thread); });
    }
    const std::string text = line_of(one.exchange->request);
    const std::string_view bytes{text};
    const std::chrono::duration<double> taken = base::now() - one.exchange->taken.load(std::memory_order_relaxed);
    checked(gvl, [&] {
      rb_ary_push(list, rb_ary_new_from_args(6, number, ULL2NUM(one.serial), one.hard ? Qtrue : Qfalse,
                                             rb_str_new(bytes.data(), static_cast<long>(bytes.size())),
                                             rb_float_new(taken.count()), backtrace));
    });
  }
  return list;
}

// abandon(number, serial): gives up the thread that was killed in this request and is inside it still. False when it is
// not.
VALUE abandon(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 2, 2);
  server::AppQueue& queue = parts_of(gvl, self).queue;
  const auto number = static_cast<unsigned>(to_u64(gvl, arguments[0]));
  return queue.abandon(number, to_u64(gvl, arguments[1])) ? Qtrue : Qfalse;
}

// Serves the routes of another RouteTable from now on.
VALUE use_routes(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  Half::Parts& parts = parts_of(gvl, self);
  const VALUE table = arguments[0];
  auto routes = route_table_of(gvl, table);
  checked(gvl, [&parts, table] { rb_ary_push(parts.context.route_tables, table); });
  parts.routes.use(std::move(routes));
  return Qnil;
}

VALUE drain(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  parts_of(gvl, self).engine.drain();
  return Qnil;
}

// wait_drained(seconds) -> true when nothing is left, false otherwise (also when interrupted).
VALUE wait_drained(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  const base::Duration patience = to_duration(gvl, arguments[0]);
  Half::Parts& parts = parts_of(gvl, self);
  auto work = [&](const NoGvl&) noexcept { return parts.engine.wait_drained(patience); };
  auto unblock = [&]() noexcept { parts.engine.interrupt_wait(); };
  const auto drained = wait_inside(gvl, parts, work, unblock);
  checked(gvl, [] { rb_thread_check_ints(); });
  return drained.value_or(false) ? Qtrue : Qfalse;
}

// Ends the wait of wait_drained, the current one or the next.
VALUE interrupt_wait(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  parts_of(gvl, self).engine.interrupt_wait();
  return Qnil;
}

// App threads end when the queue is empty.
VALUE close_queue(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  Half::Parts& parts = parts_of(gvl, self);
  parts.queue.close();
  parts.orders.interrupt();
  return Qnil;
}

VALUE stop(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  Half::Parts& parts = parts_of(gvl, self);
  auto work = [&](const NoGvl&) noexcept {
    parts.engine.stop();
    return true;
  };
  auto unblock = []() noexcept {};
  if (!wait_inside(gvl, parts, work, unblock)) parts.engine.stop();
  return Qnil;
}

// After stop, when no other thread is in a method of this object: gives memory and descriptors back. False when an app
// thread or a stream still uses them; then the garbage collector does it later.
VALUE close(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  (void)parts_of(gvl, self);
  Half& half = EngineData::of(gvl, self);
  if (!half.let_go()) return Qfalse;
  half.parts.reset();
  return Qtrue;
}

// A Hash, or nil, as the log wants it.
std::string to_fields(const Gvl& gvl, VALUE hash) {
  std::string fields;
  if (NIL_P(hash)) return fields;
  checked(gvl, [&gvl, &fields, hash] {
    Check_Type(hash, T_HASH);
    rack::pack_fields(gvl, hash, observe::kMessageFields, fields);
  });
  return fields;
}

// log(level, source, message, fields = nil)
VALUE log(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 3, 4);
  const observe::Level level = level_of(to_text(gvl, arguments[0]));
  const std::string fields = to_fields(gvl, arguments.size() > 3 ? arguments[3] : Qnil);
  parts_of(gvl, self).engine.log().write(level, to_text(gvl, arguments[1]), to_text(gvl, arguments[2]), fields);
  return Qnil;
}

// Waits for lines of a log that has a Ruby object for a logger: [[level, line], ...]; nil when no more will come.
VALUE take_log_lines(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  // It may outlive the engine, which does not wait for a logger that hangs.
  const std::shared_ptr<observe::Outbox> outbox = parts_of(gvl, self).engine.log().settings().outbox;
  if (outbox == nullptr) return Qnil;
  std::vector<observe::Outbox::Line> lines;
  auto work = [&](const NoGvl&) noexcept { return outbox->take(lines); };
  auto unblock = [&]() noexcept { outbox->interrupt(); };
  const auto wake = Boundary::without_gvl(gvl, work, unblock);
  VALUE list = Qnil;
  checked(gvl, [&list, &lines] {
    if (lines.empty()) rb_thread_check_ints();
    list = rb_ary_new_capa(static_cast<long>(lines.size()));
    for (const auto& line : lines) {
      const VALUE text = rb_utf8_str_new(line.text.data(), static_cast<long>(line.text.size()));
      rb_ary_push(list, rb_assoc_new(ID2SYM(rb_intern(observe::text_of(line.level).data())), text));
    }
  });
  return wake == observe::Outbox::Wake::closed ? Qnil : list;
}

// log_line(level, source, message, json, color, fields = nil) -> the line that the log would write.
VALUE log_line(const Gvl& gvl, VALUE, Arguments arguments) {
  expect_arguments(arguments, 5, 6);
  const observe::Level level = level_of(to_text(gvl, arguments[0]));
  const observe::Style style{.format = RTEST(arguments[3]) ? observe::Format::json : observe::Format::text,
                             .color = RTEST(arguments[4])};
  const std::string source = to_text(gvl, arguments[1]);
  const std::string message = to_text(gvl, arguments[2]);
  const std::string fields = to_fields(gvl, arguments.size() > 5 ? arguments[5] : Qnil);
  std::string line;
  observe::append_message_line(
      line, {.wall_micros = base::wall_micros(), .level = level, .source = source, .text = message, .fields = fields},
      style);
  VALUE string = Qnil;
  const std::string_view bytes{line};
  checked(gvl, [&string, bytes] { string = rb_utf8_str_new(bytes.data(), static_cast<long>(bytes.size())); });
  return string;
}

VALUE threads(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return INT2FIX(parts_of(gvl, self).queue.seats());
}

// Requests that wait for an app thread or are inside one.
VALUE in_flight(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  const server::AppQueue& queue = parts_of(gvl, self).queue;
  return ULL2NUM(queue.depth() + static_cast<uint64_t>(queue.in_requests()));
}

// What `stats` reads.
struct Figures {
  const Half::Parts& parts;
  observe::Snapshot snapshot;

  uint64_t total(observe::Counter observe::Counters::*which) const noexcept { return snapshot.total(which); }
  uint64_t answered(http::Answerer by) const noexcept { return snapshot.answered(static_cast<size_t>(by)); }
  uint64_t responses(int from) const noexcept {
    uint64_t all = 0;
    for (int status = from; status < from + 100; ++status) all += snapshot.status(observe::status_index(status));
    return all;
  }
  uint64_t threads() const noexcept { return static_cast<uint64_t>(std::max(0, parts.queue.seats())); }
  uint64_t busy() const noexcept { return static_cast<uint64_t>(std::max(0, parts.queue.in_requests())); }
  uint64_t most() const noexcept { return static_cast<uint64_t>(parts.most_threads); }
};

struct StatsRow {
  const char* name;
  uint64_t (*get)(const Figures&) noexcept;
};

using observe::ConnectionState;
using observe::Counters;

constexpr StatsRow kStats[] = {
    {"connections_accepted", [](const Figures& f) noexcept { return f.total(&Counters::connections_accepted); }},
    {"connections_active", [](const Figures& f) noexcept { return f.total(&Counters::connections_active); }},
    {"connections_idle", [](const Figures& f) noexcept { return f.snapshot.connections(ConnectionState::idle); }},
    {"connections_reading", [](const Figures& f) noexcept { return f.snapshot.connections(ConnectionState::reading); }},
    {"connections_waiting", [](const Figures& f) noexcept { return f.snapshot.connections(ConnectionState::waiting); }},
    {"connections_writing", [](const Figures& f) noexcept { return f.snapshot.connections(ConnectionState::writing); }},
    {"connections_closing", [](const Figures& f) noexcept { return f.snapshot.connections(ConnectionState::closing); }},
    {"accept_errors", [](const Figures& f) noexcept { return f.total(&Counters::accept_errors); }},
    {"rejected_connections", [](const Figures& f) noexcept { return f.total(&Counters::rejected_connections); }},
    {"connections_evicted", [](const Figures& f) noexcept { return f.total(&Counters::connections_evicted); }},
    {"requests", [](const Figures& f) noexcept { return f.total(&Counters::requests); }},
    {"requests_dispatched", [](const Figures& f) noexcept { return f.total(&Counters::requests_dispatched); }},
    {"requests_in_flight", [](const Figures& f) noexcept { return f.total(&Counters::requests_in_flight); }},
    {"requests_refused", [](const Figures& f) noexcept { return f.total(&Counters::requests_refused); }},
    {"parse_errors", [](const Figures& f) noexcept { return f.total(&Counters::parse_errors); }},
    {"requests_aborted", [](const Figures& f) noexcept { return f.total(&Counters::requests_aborted); }},
    {"slow_requests", [](const Figures& f) noexcept { return f.total(&Counters::slow_requests); }},
    {"request_timeouts", [](const Figures& f) noexcept { return f.total(&Counters::request_timeouts); }},
    {"requests_expired", [](const Figures& f) noexcept { return f.total(&Counters::requests_expired); }},
    {"rejected_pending", [](const Figures& f) noexcept { return f.total(&Counters::rejected_pending); }},
    {"requests_held_back", [](const Figures& f) noexcept { return f.total(&Counters::requests_held_back); }},
    {"app_errors",
     [](const Figures& f) noexcept {
       return f.parts.engine.area().common().app_errors.load(std::memory_order_relaxed);
     }},
    {"sendfile_responses", [](const Figures& f) noexcept { return f.total(&Counters::sendfile_responses); }},
    {"read_timeouts", [](const Figures& f) noexcept { return f.total(&Counters::read_timeouts); }},
    {"write_timeouts", [](const Figures& f) noexcept { return f.total(&Counters::write_timeouts); }},
    {"slow_bodies", [](const Figures& f) noexcept { return f.total(&Counters::slow_bodies); }},
    {"slow_readers", [](const Figures& f) noexcept { return f.total(&Counters::slow_readers); }},
    {"bytes_read", [](const Figures& f) noexcept { return f.total(&Counters::bytes_read); }},
    {"bytes_written", [](const Figures& f) noexcept { return f.total(&Counters::bytes_written); }},
    {"answered_by_app", [](const Figures& f) noexcept { return f.answered(http::Answerer::app); }},
    {"answered_by_block", [](const Figures& f) noexcept { return f.answered(http::Answerer::block); }},
    {"answered_by_static", [](const Figures& f) noexcept { return f.answered(http::Answerer::static_entry); }},
    {"answered_by_admin", [](const Figures& f) noexcept { return f.answered(http::Answerer::admin); }},
    {"answered_by_server", [](const Figures& f) noexcept { return f.answered(http::Answerer::server); }},
    {"c_loop_requests_total",
     [](const Figures& f) noexcept {
       return f.answered(http::Answerer::static_entry) + f.answered(http::Answerer::block);
     }},
    {"responses_1xx", [](const Figures& f) noexcept { return f.responses(100); }},
    {"responses_2xx", [](const Figures& f) noexcept { return f.responses(200); }},
    {"responses_3xx", [](const Figures& f) noexcept { return f.responses(300); }},
    {"responses_4xx", [](const Figures& f) noexcept { return f.responses(400); }},
    {"responses_5xx", [](const Figures& f) noexcept { return f.responses(500); }},
    {"queue_depth", [](const Figures& f) noexcept { return f.parts.queue.depth(); }},
    {"threads", [](const Figures& f) noexcept { return f.threads(); }},
    {"threads_abandoned", [](const Figures& f) noexcept { return static_cast<uint64_t>(f.parts.queue.abandoned()); }},
    {"busy_threads", [](const Figures& f) noexcept { return f.busy(); }},
    {"backlog", [](const Figures& f) noexcept { return f.parts.queue.depth(); }},
    {"running", [](const Figures& f) noexcept { return f.threads(); }},
    {"pool_capacity", [](const Figures& f) noexcept { return f.most() - std::min(f.most(), f.busy()); }},
    {"max_threads", [](const Figures& f) noexcept { return f.most(); }},
    {"requests_count", [](const Figures& f) noexcept { return f.total(&Counters::requests); }},
    {"hooks_dropped", [](const Figures& f) noexcept { return f.parts.engine.notes().dropped(); }},
    {"log_lines_dropped", [](const Figures& f) noexcept { return f.parts.engine.log().dropped(); }},
};

VALUE stats(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  const Half::Parts& parts = parts_of(gvl, self);
  const Figures figures{.parts = parts, .snapshot = observe::Snapshot{parts.engine.area()}};
  VALUE hash = Qnil;
  checked(gvl, [&] {
    hash = rb_hash_new();
    for (const StatsRow& row : kStats) rb_hash_aset(hash, ID2SYM(rb_intern(row.name)), ULL2NUM(row.get(figures)));
  });
  return hash;
}

}  // namespace

void define_engine(VALUE hyperion) {
  const VALUE klass = rb_define_class_under(hyperion, "Engine", rb_cObject);
  rb_define_alloc_func(klass, EngineData::allocate);
  rb_define_method(klass, "initialize", entry<initialize>, -1);
  rb_define_method(klass, "listen_tcp", entry<listen_tcp>, -1);
  rb_define_method(klass, "listen_unix", entry<listen_unix>, -1);
  rb_define_method(klass, "listen_inherited", entry<listen_inherited>, -1);
  rb_define_method(klass, "hand_on", entry<hand_on>, -1);
  rb_define_method(klass, "listen_admin", entry<listen_admin>, -1);
  rb_define_method(klass, "urls", entry<urls>, -1);
  rb_define_method(klass, "admin_urls", entry<admin_urls>, -1);
  rb_define_method(klass, "port", entry<port>, -1);
  rb_define_method(klass, "start", entry<start>, -1);
  rb_define_method(klass, "open", entry<open>, -1);
  rb_define_method(klass, "wait_paths", entry<wait_paths>, -1);
  rb_define_method(klass, "name_path", entry<name_path>, -1);
  rb_define_method(klass, "close_paths", entry<close_paths>, -1);
  rb_define_method(klass, "event_loop", entry<event_loop>, -1);
  rb_define_method(klass, "serve", entry<serve>, -1);
  rb_define_method(klass, "wait_order", entry<wait_order>, -1);
  rb_define_method(klass, "thread_ended", entry<thread_ended>, -1);
  rb_define_method(klass, "overdue", entry<overdue>, -1);
  rb_define_method(klass, "abandon", entry<abandon>, -1);
  rb_define_method(klass, "use_routes", entry<use_routes>, -1);
  rb_define_method(klass, "drain", entry<drain>, -1);
  rb_define_method(klass, "wait_drained", entry<wait_drained>, -1);
  rb_define_method(klass, "interrupt_wait", entry<interrupt_wait>, -1);
  rb_define_method(klass, "close_queue", entry<close_queue>, -1);
  rb_define_method(klass, "stop", entry<stop>, -1);
  rb_define_method(klass, "close", entry<close>, -1);
  rb_define_method(klass, "log", entry<log>, -1);
  rb_define_method(klass, "take_log_lines", entry<take_log_lines>, -1);
  rb_define_method(klass, "threads", entry<threads>, -1);
  rb_define_method(klass, "in_flight", entry<in_flight>, -1);
  rb_define_method(klass, "stats", entry<stats>, -1);
  rb_define_singleton_method(klass, "io_uring", entry<io_uring>, -1);
  rb_define_singleton_method(klass, "log_line", entry<log_line>, -1);
  const VALUE names = rb_ary_new();
  for (const StatsRow& row : kStats) rb_ary_push(names, ID2SYM(rb_intern(row.name)));
  rb_define_const(klass, "STATS", rb_obj_freeze(names));
  // What this build has, for `hyperion -V`.
  const VALUE features = rb_hash_new();
  rb_hash_aset(features, ID2SYM(rb_intern("epoll")), Qtrue);
#ifdef HYPERION_LIBURING
  rb_hash_aset(features, ID2SYM(rb_intern("io_uring")), Qtrue);
#else
  rb_hash_aset(features, ID2SYM(rb_intern("io_uring")), Qfalse);
#endif
  for (const char* name : {"tls", "h2"}) rb_hash_aset(features, ID2SYM(rb_intern(name)), Qfalse);
  rb_define_const(klass, "FEATURES", rb_obj_freeze(features));
}

}  // namespace hyperion::ruby
