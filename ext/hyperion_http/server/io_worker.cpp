#include "server/io_worker.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>
#include <optional>
#include <utility>

#include "base/assert.hpp"
#include "base/number.hpp"
#include "server/connection.hpp"
#include "server/relay.hpp"

namespace hyperion::server {
namespace {

// How long accepting pauses when the process or the system has no descriptor left.
constexpr auto kAcceptPause = std::chrono::milliseconds{100};
// The same for the last of a backlog, whose clients wait for a server that ends.
constexpr auto kBacklogPause = std::chrono::milliseconds{10};
// The same trouble is logged once in so long.
constexpr auto kComplaintPause = std::chrono::seconds{5};
// For who is in the middle of a handshake when a drain begins: some round trips within a site.
constexpr auto kLastCall = std::chrono::milliseconds{2};

uint8_t write_address(const sockaddr_storage& storage, std::array<char, 46>& text, uint16_t& port) noexcept {
  if (storage.ss_family == AF_INET) {
    const auto& address = reinterpret_cast<const sockaddr_in&>(storage);
    port = ntohs(address.sin_port);
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), static_cast<socklen_t>(text.size()));
  } else if (storage.ss_family == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(storage);
    port = ntohs(address.sin6_port);
    // A dual-stack socket (an inherited one) shows IPv4 clients as mapped addresses.
    if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
      ::inet_ntop(AF_INET, &address.sin6_addr.s6_addr[12], text.data(), static_cast<socklen_t>(text.size()));
    } else {
      ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), static_cast<socklen_t>(text.size()));
    }
  } else {
    return 0;
  }
  return static_cast<uint8_t>(std::strlen(text.data()));
}

// `key`: whom the connection is counted for. Nothing when its client has reset it meanwhile: nobody knows any more who
// that was, and there is nobody to answer.
std::optional<http::Origin> origin_of(int fd, bool is_unix, AddressKey& key) noexcept {
  http::Origin origin;
  if (is_unix) {
    // The other end of a unix socket is on this host: the address that applications take for "local".
    constexpr std::string_view kLocal = "127.0.0.1";
    std::copy(kLocal.begin(), kLocal.end(), origin.address.begin());
    origin.address_size = static_cast<uint8_t>(kLocal.size());
    return origin;
  }
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) < 0) return std::nullopt;
  origin.address_size = write_address(storage, origin.address, origin.port);
  key = AddressKey::of(storage);
  size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0) {
    origin.local_address_size = write_address(storage, origin.local_address, origin.local_port);
  }
  return origin;
}

// A connection that is one too many: told so as far as that goes at once, and closed. What its client has sent already
// is taken out first, for closing on top of it would reset the connection and might lose the answer.
void turn_away(base::UniqueFd fd) noexcept {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 20\r\nretry-after: 1\r\n"
      "connection: close\r\n\r\nService Unavailable\n";
  constexpr int kMostReads = 16;
  char scratch[4096];
  for (int i = 0; i<kMostReads&& ::recv(fd.get(), scratch, sizeof scratch, MSG_DONTWAIT)> 0; ++i) {
  }
  (void)::send(fd.get(), kAnswer.data(), kAnswer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(fd.get(), SHUT_RDWR);
}

// The process or the system has no descriptor, or no memory for one.
bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

std::string with_number(std::string_view text, uint64_t number) {
  std::string line{text};
  line += ' ';
  base::append_decimal(line, number);
  return line;
}

}  // namespace

// One listening socket in this worker's loop.
class IoWorker::Acceptor final : public LoopClient, public Alarm {
 public:
  Acceptor(IoWorker& worker, const net::Listener& listener, net::Handle handle) noexcept
      : worker_(worker), listener_(listener), handle_(handle) {}

  void start() noexcept { worker_.loop_->start_accept(handle_); }
  void set_handle(net::Handle handle) noexcept { handle_ = handle; }
  bool closed() const noexcept { return closed_; }
  bool admin() const noexcept { return listener_.role() == kAdminRole; }

  // The loop accepts no more. What it has accepted already comes before `closed`; the rest stays in the backlog.
  void finish() noexcept {
    if (std::exchange(finishing_, true)) return;
    cancel();
    worker_.loop_->close(handle_);
  }

  // Everything in the backlog has completed its handshake. The errno that ended it; what a shortage leaves open is
  // whether anything is left: the kernel looks for a descriptor first.
  int accept_backlog() noexcept {
    while (true) {
      const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        worker_.accept(fd, listener_);
      } else if (errno != EINTR && errno != ECONNABORTED) {
        return errno;
      }
    }
  }

  void on_completion(const net::Completion& completion) noexcept override {
    if (completion.kind == net::Completion::Kind::closed) {
      closed_ = true;
    } else if (completion.result >= 0 && worker_.stop_requested_.load(std::memory_order_relaxed)) {
      base::UniqueFd{static_cast<int>(completion.result)}.reset();
    } else if (completion.result >= 0) {
      worker_.accept(static_cast<int>(completion.result), listener_);
    } else if (!finishing_) {
      complain(static_cast<int>(-completion.result));
      worker_.timers_.arm(*this, worker_.now() + kAcceptPause);
    }
  }

  void on_time() noexcept override { start(); }

  void complain(int error) noexcept {
    worker_.counters_.accept_errors.add();
    if (worker_.now() < silent_until_) return;
    silent_until_ = worker_.now() + kComplaintPause;
    std::string message = "cannot accept connections on " + listener_.url() + ": ";
    message += base::describe(base::Error::os(error));
    message += "; trying again. Connections in use: ";
    base::append_decimal(message, worker_.connection_count_);
    if (error == EMFILE) message += "; raise the limit on open files (ulimit -n)";
    worker_.log_.write(observe::Level::error, "server", message);
  }

 private:
  IoWorker& worker_;
  const net::Listener& listener_;
  net::Handle handle_;
  base::Instant silent_until_{};
  bool finishing_ = false;
  bool closed_ = false;
};

IoWorker::IoWorker(const Shared& shared, unsigned number, std::unique_ptr<net::EventLoop> loop)
    : shared_(shared),
      number_(number),
      loop_(std::move(loop)),
      mailbox_(loop_->wakeup()),
      timers_(base::now()),
      context_{.limits = shared.options.limits, .chunks = chunks_, .date = date_},
      recorder_(shared.area, number, shared.options.metrics, shared.options.templater.get()),
      counters_(recorder_.counters()),
      log_(shared.log.open_source()),
      pending_complaint_(
          timers_, log_, "server",
          with_number("503: too many requests wait for an app thread; max-pending is", shared.options.max_pending)),
      connections_complaint_(
          timers_, log_, "server",
          with_number("a connection was turned away; max-connections is", shared.options.max_connections)),
      address_complaint_(timers_, log_, "server",
                         with_number("a connection was turned away; max-connections-per-address is",
                                     shared.options.max_connections_per_address)),
      watch_(shared.options.limits.soft_request_timeout, shared.options.limits.request_timeout) {}

IoWorker::~IoWorker() {
  while (connections_ != nullptr) remove(*connections_);
  relays_.clear();
}

base::Status IoWorker::start() {
  read_clock();
  for (const net::Listener& listener : shared_.listeners) {
    auto acceptor = std::make_unique<Acceptor>(*this, listener, net::Handle{});
    auto handle = loop_->add_listener(listener.fd(), static_cast<LoopClient*>(acceptor.get()));
    if (!handle) return handle.error();
    acceptor->set_handle(handle.value());
    acceptors_.push_back(std::move(acceptor));
  }
  auto entered = std::make_shared<std::promise<base::Status>>();
  auto started = base::NativeThread::start("hyperion-io", [this, entered] {
    const base::Status status = loop_->enter();
    entered->set_value(status);
    if (status) run();
  });
  if (!started) return started.error();
  thread_ = std::move(started).value();
  return entered->get_future().get();
}

void IoWorker::request_drain(bool somebody_comes) noexcept {
  somebody_comes_ = somebody_comes;
  drain_requested_.store(true, std::memory_order_release);
  loop_->wakeup().ring();
}

void IoWorker::request_stop() noexcept {
  stop_requested_.store(true, std::memory_order_release);
  loop_->wakeup().ring();
}

void IoWorker::run() noexcept {
  for (const auto& acceptor : acceptors_) acceptor->start();
  while (!stop_requested_.load(std::memory_order_acquire)) turn();
  abandon();
}

// Nobody waits for a server that is gone: its clients see the end at once, not when the memory is freed.
void IoWorker::abandon() noexcept {
  for (const auto& acceptor : acceptors_) acceptor->finish();
  for (Connection* connection = connections_; connection != nullptr; connection = connection->next) {
    connection->stop();
  }
  for (const auto& relay : relays_) relay->close();
  // What is left to deliver is `closed`, for each of them one. Until then the kernel may use what they lent it.
  const auto listening = [&] {
    return std::any_of(acceptors_.begin(), acceptors_.end(), [](const auto& acceptor) { return !acceptor->closed(); });
  };
  while (connections_ != nullptr || !relays_.empty() || listening()) loop_->run_once(base::Instant::max(), *this);
  settling_.clear();
  dirty_.clear();
  // Whoever answers at this moment, or later, learns that nobody takes it.
  mailbox_.close();
  read_mail();
}

size_t IoWorker::exchanges_held() noexcept {
  http::Exchange* posted = mailbox_.take_all();
  while (posted != nullptr) {
    http::Exchange* next = posted->mail_next;
    if ((posted->take_events() & http::Exchange::kReleased) != 0) posted->released = true;
    posted = next;
  }
  while (http::Exchange* exchange = outgoing_.pop()) exchange->released = true;
  return static_cast<size_t>(std::count_if(exchanges_.begin(), exchanges_.end(), [](const auto& exchange) {
    return exchange->dispatched && !exchange->released;
  }));
}

void IoWorker::turn() noexcept {
  const bool work_left = !dirty_.empty() || !loop_->idle() || loop_->sends_pending() || turns_before_drain_ > 0;
  const bool sleeping = !work_left && mailbox_.fall_asleep();
  clock_old_ = sleeping || loop_->sends_pending();
  if (sleeping) {
    shared_.dispatcher.turn_ended(true);
    loop_->run_once(timers_.next_deadline(), *this);
    mailbox_.wake_up();
    shared_.dispatcher.awake();
  } else {
    // What is on its way to clients goes first: an app thread that is called often takes this thread's core at once.
    loop_->run_once(base::Instant::min(), *this);
    shared_.dispatcher.turn_ended(false);
  }
  read_clock();
  obey();
  timers_.advance(context_.now, [](net::Timer& timer) { static_cast<Alarm&>(timer).on_time(); });
  end_accepting();
  read_mail();
  // An answer that came in time is read by now.
  if (watch_alarm_.rang) look_at_watch();
  settle_dirty();
  if (!outgoing_.empty()) shared_.dispatcher.dispatch(std::exchange(outgoing_, ExchangeChain{}));
  check_drained();
}

void IoWorker::read_clock() noexcept {
  clock_old_ = false;
  context_.now = base::now();
  context_.wall_seconds = base::wall_seconds();
}

void IoWorker::obey() noexcept {
  if (!drain_requested_.load(std::memory_order_acquire)) return;
  if (!context_.draining) {
    context_.draining = true;
    if (somebody_comes_) timers_.arm(last_call_, now() + kLastCall);
    last_call_.rang = !somebody_comes_;
    // What clients have sent already is read before their connections are judged idle.
    turns_before_drain_ = 3;
    return;
  }
  if (turns_before_drain_ == 0 || --turns_before_drain_ > 0) return;
  for (Connection* connection = connections_; connection != nullptr; connection = connection->next) {
    if (!connection->admin()) connection->drain();
  }
}

// After the last call: this worker's loop accepts no more, and the last worker accepts what is left. Open, a listener
// would go on completing handshakes that nobody will ever answer.
void IoWorker::end_accepting() noexcept {
  if (!last_call_.rang || accepting_ended_) return;
  bool closed = true;
  for (const auto& acceptor : acceptors_) {
    if (acceptor->admin()) continue;
    acceptor->finish();
    closed = closed && acceptor->closed();
  }
  if (!closed) return;
  accepts_last_ = accepts_last_ || shared_.accepting.fetch_sub(1, std::memory_order_acq_rel) == 1;
  if (accepts_last_ && !empty_backlogs()) {
    last_call_.rang = false;
    timers_.arm(last_call_, now() + kBacklogPause);
    return;
  }
  accepting_ended_ = true;
}

bool IoWorker::empty_backlogs() noexcept {
  for (size_t i = 0; i < acceptors_.size(); ++i) {
    net::Listener& listener = shared_.listeners[i];
    if (acceptors_[i]->admin() || listener.fd() < 0) continue;
    const int error = acceptors_[i]->accept_backlog();
    // Who listens after this server has the rest.
    if (is_shortage(error) && !listener.shared()) {
      shared_.reserve.reset();
      const int again = acceptors_[i]->accept_backlog();
      // Where nothing is left to end here, no descriptor will come free.
      if (is_shortage(again) && !only_admin_left()) {
        acceptors_[i]->complain(again);
        return false;
      }
    }
    listener.close();
  }
  return true;
}

// Every connection and every exchange belongs to the admin listener, which tells of the drain until its end.
bool IoWorker::only_admin_left() const noexcept {
  size_t exchanges = 0;
  for (const Connection* connection = connections_; connection != nullptr; connection = connection->next) {
    if (!connection->admin()) return false;
    exchanges += connection->exchanges();
  }
  return exchanges == exchanges_in_use_;
}

void IoWorker::drain_admin() noexcept {
  admin_drains_ = true;
  for (const auto& acceptor : acceptors_) {
    if (!acceptor->admin()) continue;
    acceptor->finish();
    (void)acceptor->accept_backlog();
  }
  for (Connection* connection = connections_; connection != nullptr; connection = connection->next) {
    connection->drain();
  }
}

void IoWorker::check_drained() noexcept {
  if (!accepting_ended_ || drained_.load()) return;
  if (!admin_drains_ && turns_before_drain_ == 0 && only_admin_left()) drain_admin();
  if (connections_ != nullptr || exchanges_in_use_ > 0) return;
  for (const auto& acceptor : acceptors_) {
    if (!acceptor->closed()) return;
  }
  drained_.store(true, std::memory_order_release);
  shared_.on_drained(shared_.object);
}

// --- Connections ---

void IoWorker::accept(int fd, const net::Listener& listener) noexcept {
  base::UniqueFd owned{fd};
  AddressKey key;
  std::optional<http::Origin> known = origin_of(fd, listener.is_unix(), key);
  if (!known) return counters_.accept_errors.add();
  http::Origin& origin = *known;
  origin.admin = listener.role() == kAdminRole;
  // Who looks after the server has to get in whatever goes on.
  if (!origin.admin && !admit(key, origin.remote())) {
    counters_.rejected_connections.add();
    return turn_away(std::move(owned));
  }
  auto* connection = new Connection{*this, origin, key};
  connection->counted = !origin.admin;
  auto handle = loop_->add_stream(std::move(owned), static_cast<LoopClient*>(connection));
  if (!handle) {
    leave(*connection);
    delete connection;
    counters_.accept_errors.add();
    return;
  }
  connection->next = connections_;
  if (connections_ != nullptr) connections_->previous = connection;
  connections_ = connection;
  ++connection_count_;
  counters_.connections_accepted.add();
  counters_.connections_active.add();
  connection->open(handle.value());
}

// Where there is no room, those that have been idle for the longest time make some.
bool IoWorker::admit(const AddressKey& key, std::string_view remote) noexcept {
  Admission::Verdict verdict = shared_.admission.enter(key);
  if (verdict == Admission::Verdict::full && make_room() > 0) verdict = shared_.admission.enter(key);
  switch (verdict) {
    case Admission::Verdict::admitted: return true;
    case Admission::Verdict::full: connections_complaint_.happened(now(), remote); return false;
    case Admission::Verdict::full_for_address: address_complaint_.happened(now(), remote); return false;
  }
  return false;
}

// Closes some of the connections that wait for a request, the longest ones first. The number of them.
size_t IoWorker::make_room() noexcept {
  // A client may be about to send its next request.
  constexpr auto kIdle = std::chrono::seconds{1};
  constexpr size_t kMost = 32;
  std::vector<Connection*> idle;
  for (Connection* connection = connections_; connection != nullptr; connection = connection->next) {
    if (connection->waiting_since() <= now() - kIdle) idle.push_back(connection);
  }
  const size_t count = std::min(idle.size(), kMost);
  const auto longer = [](const Connection* left, const Connection* right) {
    return left->waiting_since() < right->waiting_since();
  };
  std::partial_sort(idle.begin(), idle.begin() + static_cast<ptrdiff_t>(count), idle.end(), longer);
  idle.resize(count);
  for (Connection* connection : idle) {
    counters_.connections_evicted.add();
    leave(*connection);
    connection->make_room();
  }
  return count;
}

void IoWorker::leave(Connection& connection) noexcept {
  if (std::exchange(connection.counted, false)) shared_.admission.leave(connection.key);
}

void IoWorker::remove(Connection& connection) noexcept {
  if (connection.dirty) {
    std::erase(dirty_, &connection);
    std::replace(settling_.begin(), settling_.end(), &connection, static_cast<Connection*>(nullptr));
  }
  HYPERION_ASSERT((connection.previous == nullptr) == (connections_ == &connection));
  (connection.previous != nullptr ? connection.previous->next : connections_) = connection.next;
  if (connection.next != nullptr) connection.next->previous = connection.previous;
  --connection_count_;
  counters_.connections_active.subtract();
  leave(connection);
  delete &connection;
}

void IoWorker::mark_dirty(Connection& connection) noexcept {
  if (connection.dirty) return;
  connection.dirty = true;
  dirty_.push_back(&connection);
}

void IoWorker::settle_dirty() noexcept {
  settling_.swap(dirty_);
  for (Connection* connection : settling_) {
    if (connection == nullptr) continue;
    connection->dirty = false;
    connection->settle();
  }
  settling_.clear();
}

void IoWorker::start_relay(base::UniqueFd outer, base::UniqueFd inner, std::string_view already_read) noexcept {
  auto relay = std::make_unique<Relay>(*this);
  if (relay->start(std::move(outer), std::move(inner), already_read)) relays_.push_back(std::move(relay));
}

void IoWorker::remove(Relay& relay) noexcept {
  std::erase_if(relays_, [&](const auto& owned) { return owned.get() == &relay; });
}

// --- Exchanges ---

http::Exchange& IoWorker::new_exchange() {
  ++exchanges_in_use_;
  if (free_exchanges_ == nullptr) {
    exchanges_.push_back(std::make_unique<http::Exchange>(mailbox_));
    exchanges_.back()->io_thread = number_;
    free_exchanges_ = exchanges_.back().get();
  }
  free_exchanges_->in_use = true;
  return *std::exchange(free_exchanges_, free_exchanges_->next);
}

IoWorker::Route IoWorker::route(http::Exchange& exchange) noexcept {
  for (serve::Responder* responder : shared_.responders) {
    const serve::Verdict verdict = responder->respond(exchange);
    if (verdict == serve::Verdict::dispatch) break;
    switch (verdict) {
      case serve::Verdict::not_mine:
      case serve::Verdict::dispatch: continue;
      case serve::Verdict::answered: exchange.answered_seen = true; return Route::answered;
      case serve::Verdict::later: exchange.dispatched = true; return Route::later;
    }
  }
  return Route::application;
}

bool IoWorker::hand_over(http::Exchange& exchange) noexcept {
  if (too_many_pending()) {
    counters_.rejected_pending.add();
    pending_complaint_.happened(now());
    exchange.answerer = http::Answerer::server;
    exchange.answered_seen = true;
    exchange.response.become_error(base::status_of(base::ErrorCode::overloaded));
    return false;
  }
  exchange.dispatched = true;
  exchange.ready = now();  // if it was held back: now it is
  counters_.requests_dispatched.add();
  outgoing_.push(exchange);
  if (watch_.on()) watch(exchange);
  return true;
}

// --- Requests that take too long ---

void IoWorker::watch(http::Exchange& exchange) noexcept {
  watch_.add(exchange);
  const base::Instant due = watch_.first_look(exchange);
  if (!watch_alarm_.armed() || due < watch_alarm_.deadline()) timers_.arm(watch_alarm_, due);
}

void IoWorker::look_at_watch() noexcept {
  watch_alarm_.rang = false;
  const auto found = [this](http::Exchange& exchange, RequestWatch::Finding finding) noexcept {
    switch (finding) {
      case RequestWatch::Finding::slow:
        counters_.slow_requests.add();
        return shared_.dispatcher.overdue(exchange, false);
      case RequestWatch::Finding::overdue:
        counters_.request_timeouts.add();
        give_up(exchange, base::ErrorCode::request_timeout);
        return shared_.dispatcher.overdue(exchange, true);
      case RequestWatch::Finding::expired:
        counters_.requests_expired.add();
        return give_up(exchange, base::ErrorCode::request_expired);
    }
  };
  const base::Instant again = watch_.look(now(), found);
  if (again != base::Instant::max()) timers_.arm(watch_alarm_, again);
}

void IoWorker::give_up(http::Exchange& exchange, base::Error error) noexcept {
  exchange.set_overdue();
  if (exchange.owner != nullptr) static_cast<Connection*>(exchange.owner)->give_up(exchange, error);
}

// Several I/O threads ask at the same time: by what they hand over in this turn the limit may be passed.
bool IoWorker::too_many_pending() const noexcept {
  const uint64_t most = options().max_pending;
  if (most == 0) return false;
  return shared_.dispatcher.pending() + static_cast<int64_t>(outgoing_.size()) >= static_cast<int64_t>(most);
}

void IoWorker::read_mail() noexcept {
  http::Exchange* exchange = mailbox_.take_all();
  while (exchange != nullptr) {
    // The next one first: once its events are taken, the exchange may be posted again at any moment.
    http::Exchange* next = exchange->mail_next;
    const uint32_t events = exchange->take_events();
    // A word that comes after `released` would be a mistake of ours; taken seriously, it would give two requests the
    // same exchange.
    HYPERION_ASSERT(exchange->in_use);
    if (!exchange->in_use) {
      exchange = next;
      continue;
    }
    if (exchange->owner != nullptr) {
      static_cast<Connection*>(exchange->owner)->on_events(*exchange, events);
    } else {
      orphan_events(*exchange, events);
    }
    exchange = next;
  }
}

// The connection has let go of it.
void IoWorker::orphan_events(http::Exchange& exchange, uint32_t events) noexcept {
  dismiss(exchange, events);
  retire_when_free(exchange);
}

void IoWorker::dismiss(http::Exchange& exchange, uint32_t events) noexcept {
  using http::Exchange;
  if ((events & Exchange::kStored) != 0) exchange.storing = false;
  exchange.turn_away(events);
  if ((events & Exchange::kReleased) != 0) released(exchange);
}

void IoWorker::released(http::Exchange& exchange) noexcept {
  exchange.released = true;
  watch_.remove(exchange);
  if (void* connection = std::exchange(exchange.charged_to, nullptr)) {
    static_cast<Connection*>(connection)->discharge(exchange);
  }
}

void IoWorker::let_go(http::Exchange& exchange) noexcept {
  exchange.owner = nullptr;
  if (exchange.dispatched && !exchange.released) {
    exchange.set_gone();
    if (exchange.answered_seen && exchange.pipe) exchange.pipe->close();
  }
  retire_when_free(exchange);
}

void IoWorker::retire_when_free(http::Exchange& exchange) noexcept {
  if (exchange.storing || (exchange.dispatched && !exchange.released)) return;
  const bool carrier = exchange.stage == http::Exchange::Stage::notes;
  if (exchange.wants_follow_up && exchange.stage == http::Exchange::Stage::request) {
    exchange.stage = http::Exchange::Stage::follow_up;
    ++exchange.serial;  // the request that somebody may remember is over
    exchange.released = false;
    outgoing_.push(exchange);
    return;
  }
  recycle(exchange);
  if (!carrier) return;
  note_carrier_out_ = false;
  if (!shared_.notes.empty()) send_note_carrier();
}

// An exchange that is no request brings an app thread to the hooks of native answers; one at a time.
void IoWorker::send_note_carrier() noexcept {
  if (std::exchange(note_carrier_out_, true)) return;
  http::Exchange& carrier = new_exchange();
  carrier.stage = http::Exchange::Stage::notes;
  carrier.dispatched = true;
  outgoing_.push(carrier);
}

void IoWorker::recycle(http::Exchange& exchange) noexcept {
  exchange.clear();
  exchange.in_use = false;
  exchange.next = free_exchanges_;
  free_exchanges_ = &exchange;
  --exchanges_in_use_;
}

void IoWorker::finished(http::Exchange& exchange, int status) noexcept {
  recorder_.finished(exchange, status, now());
  if (shared_.log.logs_requests()) log_request(exchange, status);
  if (shared_.notes.wants(exchange)) {
    shared_.notes.push(exchange);
    send_note_carrier();
  }
}

void IoWorker::log_request(const http::Exchange& exchange, int status) noexcept {
  const http::Request& request = exchange.request;
  observe::AccessEntry entry;
  entry.wall_micros = base::wall_micros();
  entry.duration_nanos = static_cast<uint64_t>(std::max<int64_t>((now() - exchange.began).count(), 0));
  entry.response_bytes = exchange.response_bytes;
  entry.status = status;
  entry.method = request.view(request.method_name);
  // Of a head that was refused before it was understood: what came.
  entry.path = request.view(request.path.size > 0 ? request.path : request.target);
  entry.query = request.view(request.query);
  entry.remote = exchange.origin.remote();
  entry.version = http::text_of(request.version);
  // The application's word, else the client's (Rails and others answer with the id that they used). Until it has
  // answered, the response is the answerer's alone.
  std::optional<std::string_view> id;
  if (exchange.answered_seen) {
    id = exchange.response.fields.find(http::KnownField::x_request_id);
    entry.fields = exchange.log_fields;
  }
  if (!id) id = request.fields.find(http::KnownField::x_request_id);
  entry.request_id = id.value_or(std::string_view{});
  log_.access(entry);
}

void IoWorker::on_completion(const net::Completion& completion) noexcept {
  // What arrives ends the sleep: it came now, not when the sleep began.
  if (clock_old_) read_clock();
  static_cast<LoopClient*>(completion.owner)->on_completion(completion);
}

}  // namespace hyperion::server
