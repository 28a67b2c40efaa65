// HTTP/1 on one connection: requests one after another, answered in order (RFC 9112).
//
//             .------------------ answered, connection persists -------------------.
//             v                                                                    |
//   (idle) head --complete--> body --complete--> answering --(head, body written)--+--last--> closing
//             '------------------- error, time-out, end of stream ----------------------------^
//
// While one request is answered the bytes of later ones wait in `input_`, up to a limit.
#pragma once

#include <memory>
#include <vector>

#include "buffer/input_buffer.hpp"
#include "http/session.hpp"
#include "http1/body_coding.hpp"
#include "http1/chunked_decoder.hpp"
#include "http1/parser.hpp"
#include "http1/response_head.hpp"

namespace hyperion::http1 {

class Session final : public http::Session {
 public:
  Session(http::SessionContext& context, http::SessionHost& host);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void receive(std::string_view bytes) noexcept override;
  void receive_end() noexcept override;
  void advance() noexcept override;
  void answer(http::Exchange& exchange) noexcept override;
  void pump(http::Exchange& exchange) noexcept override;
  void supersede(http::Exchange& exchange, base::Error error) noexcept override;
  void output_drained() noexcept override;
  bool holds_head() const noexcept override { return head_held_; }
  void release_head() noexcept override;
  void interim(http::Exchange& exchange, int status, const http::FieldList& fields) noexcept override;
  void fail(base::Error error) noexcept override;
  void lost() noexcept override { keep_unfinished_head(); }
  void drain() noexcept override;

  http::Phase phase() const noexcept override;
  bool wants_input() const noexcept override;
  bool lingers() const noexcept override { return lingers_; }
  std::string_view unread() const noexcept override { return input_.view(); }
  buffer::OutputQueue& output() noexcept override { return output_; }

 private:
  enum class State : uint8_t { head, body, answering, closing };

  // What only a chunked request body or an unusual response needs.
  struct Rare;
  Rare& rare();

  // Each takes what it can from the front of `bytes`.
  void consume(std::string_view& bytes);
  // False: the head is not complete.
  bool read_head(std::string_view& bytes);
  void read_body(std::string_view& bytes);
  void begin_body();
  void request_complete();
  // Ends the request under way with an error response, or with none.
  void refuse(base::Error error);
  void abandon(base::Error error);
  void keep_unfinished_head() noexcept;
  // How many bytes its content has.
  uint64_t write_error(int status, bool head_only);
  void close_when_sent() noexcept;

  bool is_last(const http::Request& request) const noexcept;
  void write_prepared(http::Exchange& exchange);
  void write_head(const http::Request& request, const http::Response& response);
  void write_whole_body(http::Exchange& exchange);
  void write_portion(http::Exchange& exchange, http::BodyPipe::Portion& portion);
  void finish_answer(http::Exchange& exchange, bool complete);

  http::SessionContext& context_;
  http::SessionHost& host_;
  buffer::InputBuffer input_;
  buffer::OutputQueue output_;
  RequestParser parser_;
  BodyCoding coding_;
  std::unique_ptr<Rare> rare_;
  http::Exchange* current_ = nullptr;
  uint64_t body_remaining_ = 0;  // of a chunked body: what its limit leaves
  State state_ = State::head;
  bool peer_ended_ = false;
  bool draining_ = false;
  bool last_ = false;  // the response under way says `connection: close`
  bool head_written_ = false;
  bool streaming_ = false;  // the pipe is not finished
  bool head_held_ = false;
  bool lingers_ = false;
};

}  // namespace hyperion::http1
