// One client: joins the event loop, a protocol session, the clock and the exchanges under way. Lives from accept until
// the loop has let go of its descriptor. The I/O thread's alone.
//
//   open --(session closing, output gone)--> lingering --(end of stream or time)--> closing --closed--> removed
//     '-- reset, time-out, send error ------------------------------------------------^
//     '-- hijack, output gone --> detaching (the descriptor goes to the application) --closed--> removed
//
// A hijacker whose client does not take the output before it gets one end of a socket pair meanwhile, and a relay once
// the output is gone (docs/decisions/0011-hijacked-behind-a-stalled-response.md).
#pragma once

#include <memory>
#include <vector>

#include "http/session.hpp"
#include "net/event_loop.hpp"
#include "net/timer_wheel.hpp"
#include "server/dispatcher.hpp"
#include "server/io_worker.hpp"
#include "server/reader_pace.hpp"

namespace hyperion::server {

class Connection final : public LoopClient, public Alarm, private http::SessionHost {
 public:
  Connection(IoWorker& worker, const http::Origin& origin, const AddressKey& key);
  ~Connection();

  // Takes its place in the loop.
  void open(net::Handle handle) noexcept;
  void on_completion(const net::Completion& completion) noexcept override;
  // News of an exchange that belongs to this connection (Exchange::Event).
  void on_events(http::Exchange& exchange, uint32_t events) noexcept;
  void on_time() noexcept override;
  // End of the turn: requests routed, output sent, clock set, or the end begun.
  void settle() noexcept;
  // The server stops: no further request.
  void drain() noexcept;
  // Since when it waits for a request, with nothing else to do; Instant::max() when it does not.
  base::Instant waiting_since() const noexcept;
  // An idle one ends, for others need its place.
  void make_room() noexcept;
  // The exchange takes too long: the client is told so, where nothing has been sent; else the connection ends.
  void give_up(http::Exchange& exchange, base::Error error) noexcept;
  // An exchange that was charged to it is released.
  void discharge(const http::Exchange& exchange) noexcept;
  // The server is gone: ends the connection whatever is under way.
  void stop() noexcept { abort(base::ErrorCode::shutting_down); }

  bool admin() const noexcept { return origin_.admin; }
  // Those that are not finished.
  size_t exchanges() const noexcept { return live_.size(); }

  // Links in the worker's list.
  Connection* previous = nullptr;
  Connection* next = nullptr;
  bool dirty = false;
  // What it was admitted as, and whether it still counts (server/admission).
  const AddressKey key;
  bool counted = true;

 private:
  enum class State : uint8_t { open, lingering, closing, detaching };

  // http::SessionHost
  http::Exchange& new_exchange() noexcept override;
  void on_head(http::Exchange& exchange) noexcept override;
  void on_request(http::Exchange& exchange) noexcept override;
  void on_answered(http::Exchange& exchange, bool complete) noexcept override;
  void on_refused(http::Exchange& exchange, base::Error error) noexcept override;
  void on_misframed(http::Exchange& exchange, std::string_view what) noexcept override;
  void on_raw(http::Exchange& exchange) noexcept override;

  void received(const net::Completion& completion) noexcept;
  void sent(int64_t result) noexcept;
  void closed(int64_t result) noexcept;

  void store_body(http::Exchange& exchange) noexcept;
  void stored(http::Exchange& exchange) noexcept;
  void serve_pipelined() noexcept;
  void route_waiting() noexcept;
  void hand_over(http::Exchange& exchange) noexcept;
  bool has_its_share() const noexcept;
  void flush() noexcept;
  void finish_sent() noexcept;
  void finish(http::Exchange& exchange, bool delivered) noexcept;
  void hijack(http::Exchange& exchange) noexcept;
  void hand_over_early() noexcept;
  void begin_detach() noexcept;
  void end_output() noexcept;
  // Ends the connection at once; exchanges under way are lost.
  void abort(base::Error error) noexcept;
  void close() noexcept;
  void update_receiving() noexcept;
  void update_state() noexcept;
  void update_timer() noexcept;
  base::Error overdue(base::Instant now) const noexcept;
  uint64_t confirmed(uint64_t unconfirmed) const noexcept;
  base::Error look_at_reader(base::Instant now) noexcept;
  base::Instant deadline() const noexcept;
  base::Instant slow_body_deadline() const noexcept;
  // Its server stops.
  bool drains() const noexcept;
  void end_idle(base::Duration linger) noexcept;
  base::Duration idle_limit() const noexcept;
  base::Instant idle_since() const noexcept;
  void log_error(base::Error error, const http::Exchange* exchange) noexcept;

  IoWorker& worker_;
  net::Handle handle_;
  http::Origin origin_;
  std::unique_ptr<http::Session> session_;
  // Answered, not yet sent: in order of their output_end.
  UnsentChain unsent_;
  // Complete, not yet answered or handed over.
  ExchangeChain waiting_;
  // For the application, once it has released others of this connection; and those, alive or let go. Both only where
  // the number is limited.
  ExchangeChain held_back_;
  std::vector<http::Exchange*> charged_;
  // The one whose body arrives.
  http::Exchange* reading_ = nullptr;
  // Every exchange of this connection that is not finished.
  std::vector<http::Exchange*> live_;
  http::Exchange* hijacker_ = nullptr;
  // This side of the pair that the hijacker has in the place of the connection.
  base::GuardedFd to_hijacker_;

  base::Instant phase_began_;    // the session's phase, or the linger
  base::Instant received_at_{};  // last bytes
  base::Instant sent_at_{};      // last progress of the send under way, or of the last one
  ReaderPace pace_;
  base::Instant head_held_until_{};
  base::Instant hijacker_waits_until_{};
  base::Duration linger_limit_{0};
  base::Duration linger_most_ = base::Duration::max();
  uint64_t body_bytes_ = 0;  // received since phase_began_
  State state_ = State::open;
  observe::ConnectionState shown_ = observe::ConnectionState::idle;  // in the metrics
  bool sending_ = false;
  bool receiving_ = false;
  bool first_request_ = true;
  bool peer_ended_ = false;
  bool behind_ = false;  // requests that came wait for the client to read, or for the next turn
};

}  // namespace hyperion::server
