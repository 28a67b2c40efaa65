// One protocol spoken on one connection: bytes in -> exchanges out; responses in -> output queue. It knows no socket
// and no time-out: the connection asks for its phase and sets the clock. Everything happens on the I/O thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "buffer/output_queue.hpp"
#include "http/date.hpp"
#include "http/exchange.hpp"
#include "http/limits.hpp"

namespace hyperion::http {

// What the session waits for: which time-out applies.
enum class Phase : uint8_t {
  idle,     // between requests
  head,     // a head has begun
  body,     // a body is arriving
  waiting,  // an exchange is being answered
  closing,  // no further request is read: close when the output is gone
};

// More than this in the output queue, and streams wait.
inline constexpr uint64_t kOutputMark = 128 * 1024;

// What a session asks of the connection that carries it. No call comes back into the session.
class SessionHost {
 public:
  virtual Exchange& new_exchange() noexcept = 0;
  // The head has passed every check and its body is still to come.
  virtual void on_head(Exchange& exchange) noexcept = 0;
  // The request is complete: to be answered.
  virtual void on_request(Exchange& exchange) noexcept = 0;
  // The last byte of the response is in the output queue (exchange.output_end), or, on `failed`, it will never be.
  virtual void on_answered(Exchange& exchange, bool complete) noexcept = 0;
  // The request was refused; the session has written the error response. `exchange` holds what was read of it.
  virtual void on_refused(Exchange& exchange, base::Error error) noexcept = 0;
  // The answer did not fit its own head: what was done about it, for the log.
  virtual void on_misframed(Exchange& exchange, std::string_view what) noexcept = 0;
  // A head that asks for the connection itself is in the output queue (Response::Body::raw).
  virtual void on_raw(Exchange& exchange) noexcept = 0;

 protected:
  ~SessionHost() = default;
};

// What the sessions of one I/O thread share.
struct SessionContext {
  const Limits& limits;
  buffer::ChunkPool& chunks;
  DateCache& date;
  // Epoch seconds of the current turn of the loop, for Date.
  int64_t wall_seconds = 0;
  base::Instant now{};
  // The server is stopping: every response is its connection's last.
  bool draining = false;
};

class Session {
 public:
  virtual ~Session() = default;

  // Bytes from the peer, in order; taken whole.
  virtual void receive(std::string_view bytes) noexcept = 0;
  // The peer will send no more. A request under way is cut off; one being answered is not.
  virtual void receive_end() noexcept = 0;
  // Goes on with bytes received earlier: call after an answer is complete. One request at most comes of it.
  virtual void advance() noexcept = 0;

  // The exchange has been answered: head, and body as far as it is there. Call `pump` when its pipe has more.
  virtual void answer(Exchange& exchange) noexcept = 0;
  virtual void pump(Exchange& exchange) noexcept = 0;
  // Answers an exchange in the place of its answerer, who is too slow and has said nothing yet. `exchange.response` is
  // not touched, for it is the answerer's.
  virtual void supersede(Exchange& exchange, base::Error error) noexcept = 0;
  // The output queue has become shorter: goes on with streams that wait for room.
  virtual void output_drained() noexcept = 0;
  // A stream's head is held back for its first bytes (Response::hold_head); release_head sends it as it is.
  virtual bool holds_head() const noexcept = 0;
  virtual void release_head() noexcept = 0;
  // Sends an interim response, where the protocol and its version have them.
  virtual void interim(Exchange& exchange, int status, const FieldList& fields) noexcept = 0;
  // A time-out or the server's stop ends the session: the response that says so, if one may be sent.
  virtual void fail(base::Error error) noexcept = 0;
  // The connection is gone. What came of an unfinished head stays readable, for the log.
  virtual void lost() noexcept = 0;
  // No request follows the one under way, if any.
  virtual void drain() noexcept = 0;

  virtual Phase phase() const noexcept = 0;
  // False while more bytes than are useful wait already.
  virtual bool wants_input() const noexcept = 0;
  // After the output is gone: read and drop what the client still sends, for a while, so that it sees the response.
  virtual bool lingers() const noexcept = 0;
  // Bytes received and not consumed, which belong to whoever takes over the connection.
  virtual std::string_view unread() const noexcept = 0;
  virtual buffer::OutputQueue& output() noexcept = 0;
};

}  // namespace hyperion::http
