// One I/O thread: its event loop, its connections, and everything that they share without a lock. Nobody else touches
// any of it; other threads leave exchanges in the mailbox or set a request flag and ring.
//
//   turn:  collect completions -> sessions -> requests dispatched -> mailbox: answers -> connections flushed -> sleep
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/native_thread.hpp"
#include "buffer/chunk_pool.hpp"
#include "http/date.hpp"
#include "http/session.hpp"
#include "net/event_loop.hpp"
#include "net/timer_wheel.hpp"
#include "observe/log.hpp"
#include "observe/recorder.hpp"
#include "serve/responder.hpp"
#include "server/admission.hpp"
#include "server/alarm.hpp"
#include "server/complaint.hpp"
#include "server/dispatcher.hpp"
#include "server/exchange_mailbox.hpp"
#include "server/file_pool.hpp"
#include "server/note_queue.hpp"
#include "server/options.hpp"
#include "server/request_watch.hpp"

namespace hyperion::server {

class Connection;
class Relay;

// net::Listener::role of one that has the admin paths and nothing else.
inline constexpr int kAdminRole = 1;

// What a handle of the loop belongs to.
class LoopClient {
 public:
  virtual void on_completion(const net::Completion& completion) noexcept = 0;

 protected:
  ~LoopClient() = default;
};

class IoWorker final : private net::CompletionSink {
 public:
  // What all I/O threads of a server have in common; it outlives them.
  struct Shared {
    const Options& options;
    Dispatcher& dispatcher;
    const std::vector<serve::Responder*>& responders;
    // Closed by the worker that is the last to stop accepting.
    std::vector<net::Listener>& listeners;
    std::atomic<unsigned>& accepting;
    // A descriptor that this worker lets go where it finds no other.
    base::UniqueFd& reserve;
    Admission& admission;
    FilePool& files;
    observe::Log& log;
    const observe::Area& area;
    NoteQueue& notes;
    // Rung when this worker's drain is complete.
    void (*on_drained)(void* object) noexcept;
    void* object;
  };

  // `number`: among the I/O threads of its server, from 0.
  IoWorker(const Shared& shared, unsigned number, std::unique_ptr<net::EventLoop> loop);
  ~IoWorker();
  IoWorker(const IoWorker&) = delete;
  IoWorker& operator=(const IoWorker&) = delete;

  // --- Any thread ---

  base::Status start();
  // Once, after the last call for newcomers (`somebody_comes`: there may be handshakes under way): accepts what waits
  // in the backlog, then nothing more; ends what is idle; says `connection: close` to the rest.
  void request_drain(bool somebody_comes) noexcept;
  // Ends the thread after its current turn, whatever is under way. Join afterwards.
  void request_stop() noexcept;
  void join() noexcept { thread_.join(); }
  // No connection and no exchange is left.
  bool drained() const noexcept { return drained_.load(std::memory_order_acquire); }
  const observe::Counters& counters() const noexcept { return counters_; }
  // It refuses, or is about to refuse, new connections.
  bool drain_requested() const noexcept { return drain_requested_.load(std::memory_order_acquire); }
  // Once the thread has ended: exchanges whose answerer has not released them.
  size_t exchanges_held() noexcept;

  // --- The I/O thread: for connections ---

  net::EventLoop& loop() noexcept { return *loop_; }
  net::TimerWheel& timers() noexcept { return timers_; }
  http::SessionContext& context() noexcept { return context_; }
  const Options& options() const noexcept { return shared_.options; }
  observe::Counters& counters() noexcept { return counters_; }
  observe::Recorder& recorder() noexcept { return recorder_; }
  observe::Log::Source& log() noexcept { return log_; }
  FilePool& files() noexcept { return shared_.files; }
  base::Instant now() const noexcept { return context_.now; }
  bool draining() const noexcept { return context_.draining; }
  // The same for the connections of the admin listener, which stay until the others are gone.
  bool admin_drains() const noexcept { return admin_drains_; }

  http::Exchange& new_exchange();
  // The exchange may take as long as it likes.
  void unwatch(http::Exchange& exchange) noexcept { watch_.remove(exchange); }
  // What the answerer of an exchange that nobody waits for still says is heard, so that he does not wait in vain.
  void dismiss(http::Exchange& exchange, uint32_t events) noexcept;
  // Its answerer does not touch the exchange any more.
  void released(http::Exchange& exchange) noexcept;
  // No connection needs the exchange any more. It is recycled as soon as nobody else does.
  void let_go(http::Exchange& exchange) noexcept;
  // What becomes of a complete request.
  enum class Route : uint8_t {
    answered,     // natively: answer it now
    later,        // natively, by somebody who takes his time
    application,  // nobody here knows the answer: hand_over, or keep it for a while
  };
  Route route(http::Exchange& exchange) noexcept;
  // To the application, at the end of the turn. False: too many wait for it already, and the response says so.
  bool hand_over(http::Exchange& exchange) noexcept;
  // The connection is looked after at the end of the turn.
  void mark_dirty(Connection& connection) noexcept;
  // The loop has let go of the connection's handle.
  void remove(Connection& connection) noexcept;
  // Passes bytes between two sockets until both ends are done, for a hijacked connection (server/relay).
  void start_relay(base::UniqueFd outer, base::UniqueFd inner, std::string_view already_read) noexcept;
  void remove(Relay& relay) noexcept;
  // Once per exchange, when its response is sent or lost: the access log, the counters, the hooks of a native answer.
  // Those take the request with them.
  void finished(http::Exchange& exchange, int status) noexcept;

 private:
  class Acceptor;
  // Says that its time has come, no more.
  class Bell final : public Alarm {
   public:
    void on_time() noexcept override { rang = true; }
    bool rang = false;
  };

  void run() noexcept;
  void turn() noexcept;
  void abandon() noexcept;
  void read_clock() noexcept;
  void obey() noexcept;
  void read_mail() noexcept;
  void settle_dirty() noexcept;
  void orphan_events(http::Exchange& exchange, uint32_t events) noexcept;
  void retire_when_free(http::Exchange& exchange) noexcept;
  void recycle(http::Exchange& exchange) noexcept;
  void send_note_carrier() noexcept;
  void watch(http::Exchange& exchange) noexcept;
  void look_at_watch() noexcept;
  void give_up(http::Exchange& exchange, base::Error error) noexcept;
  bool too_many_pending() const noexcept;
  bool admit(const AddressKey& key, std::string_view remote) noexcept;
  size_t make_room() noexcept;
  void leave(Connection& connection) noexcept;
  void log_request(const http::Exchange& exchange, int status) noexcept;
  void accept(int fd, const net::Listener& listener) noexcept;
  void end_accepting() noexcept;
  // False: a backlog may not be empty yet.
  bool empty_backlogs() noexcept;
  void check_drained() noexcept;
  bool only_admin_left() const noexcept;
  void drain_admin() noexcept;
  void on_completion(const net::Completion& completion) noexcept override;

  const Shared shared_;
  const unsigned number_;
  std::unique_ptr<net::EventLoop> loop_;
  ExchangeMailbox mailbox_;
  net::TimerWheel timers_;
  buffer::ChunkPool chunks_;
  http::DateCache date_;
  http::SessionContext context_;
  observe::Recorder recorder_;
  observe::Counters& counters_;
  observe::Log::Source& log_;
  Complaint pending_complaint_;
  Complaint connections_complaint_;
  Complaint address_complaint_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  // All exchanges, and those not in use.
  std::vector<std::unique_ptr<http::Exchange>> exchanges_;
  http::Exchange* free_exchanges_ = nullptr;
  size_t exchanges_in_use_ = 0;
  ExchangeChain outgoing_;
  RequestWatch watch_;
  Bell watch_alarm_;  // somebody should look at the requests that the application has
  bool note_carrier_out_ = false;
  Connection* connections_ = nullptr;  // doubly linked
  size_t connection_count_ = 0;
  Bell last_call_;
  bool somebody_comes_ = false;  // before drain_requested_
  bool accepts_last_ = false;    // of all workers: what is left in the backlogs
  bool accepting_ended_ = false;
  int turns_before_drain_ = 0;
  bool admin_drains_ = false;
  bool clock_old_ = false;  // the loop may have waited since it was read
  std::vector<Connection*> dirty_;
  std::vector<Connection*> settling_;
  std::vector<std::unique_ptr<Relay>> relays_;
  std::atomic<bool> drain_requested_{false};
  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> drained_{false};
  base::NativeThread thread_;
};

}  // namespace hyperion::server
