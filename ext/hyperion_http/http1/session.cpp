#include "http1/session.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "http/status.hpp"
#include "http1/head_rules.hpp"
#include "http1/prepared_image.hpp"

namespace hyperion::http1 {

using base::ErrorCode;
using http::Exchange;
using http::Phase;
using http::Response;

struct Session::Rare {
  explicit Rare(const http::Limits& limits) noexcept : decoder(limits), author_chunks(limits) {}

  ChunkedDecoder decoder;
  AuthorChunks author_chunks;
};

namespace {

// Of a spilled stream, at a time.
constexpr uint64_t kFileStep = 64 * 1024;
// A prepared body of this size is sent from where it stands; copying a smaller one is cheaper.
constexpr size_t kSharedBody = 16 * 1024;
constexpr std::string_view kBadAuthorChunks = "the body is not in the chunked coding that its head declares";

std::string_view plain_text_of(int status) noexcept {
  const std::string_view phrase = http::reason_phrase(status);
  return phrase.empty() ? "Error" : phrase;
}

}  // namespace

Session::Session(http::SessionContext& context, http::SessionHost& host)
    : context_(context), host_(host), output_(context.chunks), parser_(context.limits) {}

Session::~Session() = default;

Session::Rare& Session::rare() {
  if (rare_ == nullptr) rare_ = std::make_unique<Rare>(context_.limits);
  return *rare_;
}

// --- Bytes in ---

void Session::receive(std::string_view bytes) noexcept {
  if (state_ == State::closing) return;
  if (input_.empty()) {
    consume(bytes);
    if (state_ != State::closing) input_.append(bytes);
    return;
  }
  input_.append(bytes);
  advance();
}

void Session::advance() noexcept {
  if (!input_.empty()) {
    std::string_view bytes = input_.view();
    consume(bytes);
    if (state_ == State::closing) {
      input_.clear();
    } else {
      input_.consume(input_.size() - bytes.size());
    }
  }
  if (peer_ended_ && state_ != State::answering && state_ != State::closing) abandon(ErrorCode::truncated_request);
}

void Session::consume(std::string_view& bytes) {
  while (!bytes.empty()) {
    switch (state_) {
      case State::head:
        // An unfinished head stays where the parser will look for it.
        if (!read_head(bytes)) return;
        break;
      case State::body: read_body(bytes); break;
      case State::answering:
      case State::closing: return;
    }
  }
}

bool Session::read_head(std::string_view& bytes) {
  if (current_ == nullptr) {
    bytes = without_empty_lines(bytes);
    if (bytes.empty() || bytes == "\r") return false;
    current_ = &host_.new_exchange();
    current_->began = context_.now;
  }
  http::Request& request = current_->request;
  switch (parser_.parse(bytes, request)) {
    case Progress::incomplete: return false;
    case Progress::failed:
      request.fields.adopt(bytes.substr(0, parser_.consumed()));
      refuse(parser_.error());
      return true;
    case Progress::complete: break;
  }
  bytes.remove_prefix(parser_.consumed());
  const ErrorCode error = apply_head_rules(request, context_.limits, parser_.saw_underscore());
  parser_.reset();
  if (error == ErrorCode::none) {
    begin_body();
  } else {
    refuse(error);
  }
  return true;
}

void Session::begin_body() {
  http::Request& request = current_->request;
  if (!request.has_body()) return request_complete();
  const uint64_t limit = context_.limits.max_body_bytes;
  if (limit != 0 && request.content_length.value_or(0) > limit) return refuse(ErrorCode::body_too_large);
  body_remaining_ = request.content_length.value_or(0);
  if (request.chunked) {
    rare().decoder = ChunkedDecoder{context_.limits};
    body_remaining_ = limit == 0 ? UINT64_MAX : limit;
  }
  state_ = State::body;
  // RFC 9110 section 10.1.1. Sent although a part of the body may be there: what is answered does not depend on how
  // the bytes were split on their way.
  if (request.expects_continue) output_.append("HTTP/1.1 100 Continue\r\n\r\n");
  host_.on_head(*current_);
}

void Session::read_body(std::string_view& bytes) {
  http::Request& request = current_->request;
  if (!request.chunked) {
    const uint64_t size = std::min<uint64_t>(bytes.size(), body_remaining_);
    request.body.memory.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    body_remaining_ -= size;
    if (body_remaining_ == 0) request_complete();
    return;
  }
  // The connection may move what is in memory to a file at any time, so the count is kept here.
  const size_t before = request.body.memory.size();
  const Progress progress = rare_->decoder.decode(bytes, request.body.memory, request.trailers, body_remaining_);
  body_remaining_ -= request.body.memory.size() - before;
  switch (progress) {
    case Progress::complete: return request_complete();
    case Progress::failed: return refuse(rare_->decoder.error());
    case Progress::incomplete:
      if (!bytes.empty()) refuse(ErrorCode::body_too_large);
      return;
  }
}

void Session::request_complete() {
  state_ = State::answering;
  head_written_ = false;
  host_.on_request(*current_);
}

void Session::receive_end() noexcept {
  peer_ended_ = true;
  // Whole requests may be among the bytes that wait.
  advance();
}

// --- Refusals ---

void Session::refuse(base::Error error) {
  const bool head_only = current_->request.method == http::Method::head;
  current_->response.status = base::status_of(error.code);
  current_->response_bytes = write_error(current_->response.status, head_only);
  // The client may still be sending what nobody will read; closing at once would reset its view of the response.
  lingers_ = true;
  close_when_sent();
  current_->output_end = output_.appended_total();
  host_.on_refused(*std::exchange(current_, nullptr), error);
}

void Session::abandon(base::Error error) {
  keep_unfinished_head();
  close_when_sent();
  input_.clear();
  if (current_ == nullptr) return;
  current_->output_end = output_.appended_total();
  host_.on_refused(*std::exchange(current_, nullptr), error);
}

// What is known of a head serves the log.
void Session::keep_unfinished_head() noexcept {
  if (state_ != State::head || current_ == nullptr) return;
  current_->request.fields.adopt(input_.view().substr(0, parser_.consumed()));
}

uint64_t Session::write_error(int status, bool head_only) {
  http::FieldList fields;
  fields.add("content-type", "text/plain");
  const std::string_view text = plain_text_of(status);
  HeadFacts facts{.status = status, .length = text.size() + 1, .has_length = true, .connection = "close"};
  facts.date = context_.date.at(context_.wall_seconds);
  write_response_head(output_, facts, fields);
  if (head_only) return 0;
  output_.append(text);
  output_.append("\n");
  return facts.length;
}

void Session::fail(base::Error error) noexcept {
  switch (state_) {
    case State::closing: return;
    case State::answering:
      // Nothing can be said in the middle of an exchange; its response, if it comes, is the last.
      draining_ = true;
      return;
    case State::head:
    case State::body: break;
  }
  if (current_ == nullptr || base::status_of(error.code) == 0) return abandon(error);
  keep_unfinished_head();
  refuse(error);
  input_.clear();
}

void Session::drain() noexcept {
  draining_ = true;
  if (state_ != State::head || current_ != nullptr || !input_.empty()) return;
  // The client may be sending its next request at this moment, and a reset would cost it what it has not read yet.
  lingers_ = true;
  close_when_sent();
}

void Session::close_when_sent() noexcept {
  state_ = State::closing;
  streaming_ = head_held_ = false;
}

// --- Responses out ---

void Session::answer(Exchange& exchange) noexcept {
  HYPERION_ASSERT(&exchange == current_ && state_ == State::answering);
  HYPERION_ASSERT(exchange.response.status >= 200 || exchange.response.status == 101);
  if (exchange.response.prepared != nullptr) return write_prepared(exchange);
  if (exchange.response.body != Response::Body::stream) {
    write_head(exchange.request, exchange.response);
    if (exchange.response.body == Response::Body::raw) {
      exchange.output_end = output_.appended_total();
      return host_.on_raw(exchange);
    }
    return write_whole_body(exchange);
  }
  streaming_ = true;
  head_held_ = exchange.response.hold_head;
  if (!head_held_) write_head(exchange.request, exchange.response);
  pump(exchange);
}

bool Session::is_last(const http::Request& request) const noexcept {
  return !request.keep_alive || draining_ || context_.draining || (peer_ended_ && input_.empty());
}

void Session::write_prepared(Exchange& exchange) {
  const http::Prepared& prepared = *exchange.response.prepared;
  const http::Request& request = exchange.request;
  const bool head_only = request.method == http::Method::head || http::forbids_body(prepared.status);
  const std::string_view body = head_only ? std::string_view{} : prepared.body;
  const std::string_view date = context_.date.at(context_.wall_seconds);
  coding_.start(head_only ? BodyCoding::Framing::none : BodyCoding::Framing::counted, body.size());
  last_ = is_last(request);
  head_written_ = true;
  const bool plain = !last_ && request.version != http::Version::http10 && !prepared.image.empty();
  if (plain) {
    append_image(output_, prepared, date, head_only);
  } else {
    HeadFacts facts = facts_of(prepared);
    facts.date = date;
    if (last_) {
      facts.connection = "close";
    } else if (request.version == http::Version::http10) {
      facts.connection = "keep-alive";
    }
    write_response_head(output_, facts, prepared.fields);
  }
  if (plain && prepared.image.size() > prepared.head_size) {
    coding_.count(body.size());
  } else if (body.size() < kSharedBody || prepared.owner == nullptr) {
    coding_.write(output_, body);
  } else {
    prepared.owner->retain();
    coding_.write(output_,
                  {.data = body.data(),
                   .size = body.size(),
                   .release = [](void* owner) noexcept { static_cast<const base::Counted*>(owner)->release(); },
                   .owner = const_cast<base::Counted*>(prepared.owner)});
  }
  finish_answer(exchange, true);
}

void Session::write_head(const http::Request& request, const Response& response) {
  const bool head_only = request.method == http::Method::head;
  const bool forbidden = http::forbids_body(response.status);
  const bool raw = response.body == Response::Body::raw;
  const bool stream = response.body == Response::Body::stream;
  HeadFacts facts{.status = response.status};

  if (response.declared_length) {
    facts.length = *response.declared_length;
    facts.has_length = true;
  } else if (response.declared_chunked && response.body == Response::Body::memory) {
    // Coded by its author: its length is known only after decoding, which write_whole_body does.
  } else if (!stream && !raw) {
    facts.length = response.body == Response::Body::file ? response.file.size : response.memory_size();
    // The author of a HEAD response may leave the body away: nothing is known about its length then.
    facts.has_length = !head_only || facts.length > 0;
  }
  if (response.status == 205 && !raw) {
    // RFC 9110 section 15.3.6: no content, and the client has to see that.
    facts.length = 0;
    facts.has_length = true;
  }
  if (raw || http::forbids_content_length(response.status)) facts.has_length = false;
  if (response.status == 304 && !response.declared_length) facts.has_length = false;
  const bool unknown = !facts.has_length && !raw && !forbidden && !(head_only && !stream && !response.declared_chunked);
  facts.chunked = unknown && request.version != http::Version::http10;

  const bool switches = response.status == 101;
  last_ = raw || switches || response.wants_close || is_last(request) || (unknown && !facts.chunked);
  // RFC 9110 section 7.8: a sender of Upgrade names it in Connection.
  const bool upgrade = switches || (response.status == 426 && response.fields.find(http::KnownField::upgrade));
  if (switches || (upgrade && !last_ && request.version != http::Version::http10)) {
    facts.connection = "upgrade";
  } else if (last_) {
    facts.connection = upgrade ? "upgrade, close" : "close";
  } else if (request.version == http::Version::http10) {
    facts.connection = upgrade ? "upgrade, keep-alive" : "keep-alive";
  }
  if (!response.has_date) facts.date = context_.date.at(context_.wall_seconds);
  write_response_head(output_, facts, response.fields);
  head_written_ = true;

  using Framing = BodyCoding::Framing;
  if (head_only || forbidden || raw) {
    coding_.start(Framing::none, 0);
  } else if (facts.has_length) {
    coding_.start(Framing::counted, facts.length);
  } else {
    coding_.start(facts.chunked ? Framing::chunked : Framing::until_close, 0);
  }
  if (response.declared_chunked && !raw) rare().author_chunks = AuthorChunks{context_.limits};
}

void Session::write_whole_body(Exchange& exchange) {
  Response& response = exchange.response;
  bool complete = true;
  if (response.body == Response::Body::file) {
    coding_.write(output_, std::move(response.file));
  } else if (response.declared_chunked) {
    std::string content;
    AuthorChunks& chunks = rare_->author_chunks;
    complete = chunks.decode(response.bytes, content);
    for (const buffer::Block& block : response.blocks) {
      complete = complete && chunks.decode({block.data, block.size}, content);
    }
    complete = complete && chunks.finish(content);
    if (!complete) host_.on_misframed(exchange, kBadAuthorChunks);
    coding_.write(output_, std::move(content));
  } else {
    // The buffer of a small body stays with the exchange; a large one goes to the queue as it is.
    coding_.write(output_, std::move(response.bytes));
    for (buffer::Block& block : response.blocks) coding_.write(output_, std::exchange(block, buffer::Block{}));
    response.blocks.clear();
  }
  finish_answer(exchange, complete);
}

void Session::pump(Exchange& exchange) noexcept {
  if (&exchange != current_ || !streaming_) return;
  while (streaming_ && output_.size() < http::kOutputMark) {
    http::BodyPipe::Portion portion = exchange.pipe->take(kFileStep);
    const bool nothing = portion.memory.empty() && portion.file.size == 0;
    if (portion.file_error != 0) {
      host_.on_misframed(exchange, "the response cannot wait in a temporary file, so its author does (" +
                                       base::describe(base::Error::os(portion.file_error)) + ")");
    }
    if (nothing && !portion.finished) return;
    if (head_held_) {
      head_held_ = false;
      if (nothing && !portion.complete) {
        // The body failed before its first byte, and nothing of the response is out: the client may still be told.
        streaming_ = false;
        exchange.response.clear();
        exchange.response.status = 500;
        exchange.response.bytes = "Internal Server Error\n";
        (void)exchange.response.add("content-type", "text/plain");
        write_head(exchange.request, exchange.response);
        return write_whole_body(exchange);
      }
      write_head(exchange.request, exchange.response);
    }
    write_portion(exchange, portion);
    if (portion.finished) {
      streaming_ = false;
      finish_answer(exchange, portion.complete);
    }
  }
}

void Session::write_portion(Exchange& exchange, http::BodyPipe::Portion& portion) {
  if (exchange.response.declared_chunked) {
    HYPERION_ASSERT(portion.file.size == 0);
    std::string content;
    AuthorChunks& chunks = rare_->author_chunks;
    bool good = chunks.decode(portion.memory, content);
    if (good && portion.finished && portion.complete) good = chunks.finish(content);
    if (!good) {
      host_.on_misframed(exchange, kBadAuthorChunks);
      portion.finished = true;
      portion.complete = false;
      exchange.pipe->close();
    }
    return coding_.write(output_, std::move(content));
  }
  coding_.write(output_, std::move(portion.memory));
  if (portion.file.size == 0) return;
  // Read, not left to sendfile: the socket would hold the file's very pages until they are acknowledged and read, long
  // after they count as sent, and the ring writes them anew.
  auto bytes = buffer::read(portion.file);
  exchange.pipe->release_file(portion.file.size);
  if (bytes) return coding_.write(output_, std::move(bytes).value());
  host_.on_misframed(exchange, "the body's temporary file cannot be read");
  portion.finished = true;
  portion.complete = false;
  exchange.pipe->close();
}

void Session::supersede(Exchange& exchange, base::Error error) noexcept {
  HYPERION_ASSERT(&exchange == current_ && state_ == State::answering && !head_written_);
  Response response;
  response.become_error(base::status_of(error.code));
  exchange.superseded = response.status;
  write_head(exchange.request, response);
  coding_.write(output_, std::move(response.bytes));
  finish_answer(exchange, true);
}

void Session::release_head() noexcept {
  if (!head_held_) return;
  head_held_ = false;
  write_head(current_->request, current_->response);
}

void Session::output_drained() noexcept {
  if (current_ == nullptr || !streaming_) return;
  pump(*current_);
}

void Session::finish_answer(Exchange& exchange, bool complete) {
  if (complete) {
    complete = coding_.finish(output_);
    if (!complete) host_.on_misframed(exchange, "the body is shorter than its declared content-length");
  }
  if (coding_.excess() > 0) host_.on_misframed(exchange, "the body is longer than its declared content-length");
  exchange.output_end = output_.appended_total();
  exchange.response_bytes = coding_.written();
  current_ = nullptr;
  // The peer may have ended its side behind the head of a stream, and nobody tells that a second time.
  const bool none_follows = peer_ended_ && input_.empty();
  if (last_ || !complete || none_follows) {
    // A client that did not ask for the end may have sent more, and a reset would cost it the response.
    lingers_ = !input_.empty() || exchange.request.keep_alive;
    close_when_sent();
    input_.clear();
  } else {
    state_ = State::head;
  }
  host_.on_answered(exchange, complete);
}

void Session::interim(Exchange& exchange, int status, const http::FieldList& fields) noexcept {
  if (&exchange != current_ || head_written_ || exchange.request.version == http::Version::http10) return;
  write_response_head(output_, {.status = status}, fields);
}

// --- What the connection asks ---

Phase Session::phase() const noexcept {
  switch (state_) {
    case State::head: return current_ == nullptr ? Phase::idle : Phase::head;
    case State::body: return Phase::body;
    case State::answering: return Phase::waiting;
    case State::closing: return Phase::closing;
  }
  return Phase::closing;
}

bool Session::wants_input() const noexcept {
  const uint64_t most = context_.limits.pipeline_bytes;
  return state_ != State::answering || most == 0 || input_.size() < most;
}

}  // namespace hyperion::http1
