// Fuzz target: what an application may answer. Whatever it says in its fields, and however its body comes, what stands
// on the wire is HTTP with the body that it gave, cut to the length that it declared, or visibly cut off.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "http1/response_reader.hpp"
#include "http1/session_rig.hpp"
#include "input.hpp"
#include "reference.hpp"

using namespace hyperion;
using fuzz::require;
using http::Response;
using test::SessionRig;

namespace {

constexpr std::array<std::string_view, 5> kRequests = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
};
constexpr std::array<std::string_view, 8> kNames = {"content-length", "Transfer-Encoding", "connection", "upgrade",
                                                    "date",           "content-type",      "status",     "rack.x"};
constexpr std::array<std::string_view, 8> kValues = {"0", "5",  "chunked",   "close", "gzip, chunked",
                                                     "x", "20", "keep-alive"};
constexpr std::array<int, 8> kStatuses = {200, 204, 304, 404, 426, 500, 299, 101};

buffer::FileRange file_of(std::string_view bytes) {
  base::UniqueFd fd{::memfd_create("body", MFD_CLOEXEC)};
  require(fd.valid() && ::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "a file");
  return {.file = std::make_shared<const base::UniqueFd>(std::move(fd)), .offset = 0, .size = bytes.size()};
}

void add_fields(fuzz::Input& input, Response& response) {
  for (uint8_t count = input.choice(6); count > 0; --count) {
    const uint8_t which = input.byte();
    const std::string_view name = which < 128 ? kNames[which % kNames.size()] : input.text();
    const std::string_view value = input.flag() ? kValues[input.choice(kValues.size())] : input.text();
    (void)response.add(name, value);  // a fault is for the author; what was added before it stays
  }
}

// The body as a stream: written, drained and pumped in an order that the fuzzer chooses.
void stream(fuzz::Input& input, SessionRig& rig, http::Exchange& exchange, std::string& content, bool& cut_off) {
  http::Limits limits;
  limits.response_memory = 16 + input.byte();
  limits.response_spill = uint64_t{16} + input.byte();
  const bool spills = input.flag() && !exchange.response.declared_chunked;
  exchange.response.body = Response::Body::stream;
  exchange.response.hold_head = input.flag();
  http::BodyPipe& pipe = exchange.open_pipe(limits, spills);
  bool answered = false;
  for (uint8_t count = input.choice(12); count > 0; --count) {
    const std::string_view piece = input.text().substr(0, 16);
    switch (input.choice(5)) {
      case 0:
        if (!answered) rig.answer();
        answered = true;
        break;
      case 1: rig.session.pump(exchange); break;
      case 2: rig.session.release_head(); break;
      case 3: rig.session.interim(exchange, 103, http::FieldList{}); break;
      default: rig.draining_output = !rig.draining_output; break;
    }
    rig.drain();
    if (pipe.try_write(piece) == http::BodyPipe::Outcome::accepted) content += piece;
  }
  cut_off = input.flag();
  pipe.finish(!cut_off);
  if (!answered) rig.answer();
  rig.draining_output = true;
  rig.session.pump(exchange);
  rig.drain();
}

// What the client must see of `content`.
std::string visible(const http::Request& request, const Response& response, std::string content) {
  if (request.method == http::Method::head || response.status == 204 || response.status == 304 ||
      response.status == 101) {
    return {};
  }
  if (response.declared_length) content.resize(std::min<uint64_t>(content.size(), *response.declared_length));
  return content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input{data, size};
  SessionRig rig;
  rig.receive(kRequests[input.choice(kRequests.size())]);
  http::Exchange& exchange = *rig.pending;
  Response& response = exchange.response;
  response.status = kStatuses[input.choice(kStatuses.size())];
  add_fields(input, response);
  bool coded = response.declared_chunked;
  const int status = response.status;

  std::string content;
  bool cut_off = false;
  switch (input.choice(4)) {
    case 0:
      response.bytes = content = input.text();
      rig.answer();
      break;
    case 1:
      for (uint8_t count = input.choice(5); count > 0; --count) {
        content += input.bytes(input.choice(20));
        response.blocks.push_back(buffer::Block::own(content.substr(response.memory_size())));
      }
      rig.answer();
      break;
    case 2:
      content = input.text();
      response.body = Response::Body::file;
      response.file = file_of(content);
      coded = false;  // a file is content
      rig.answer();
      break;
    default: stream(input, rig, exchange, content, cut_off); break;
  }
  rig.drain();
  require(rig.answered.size() == 1, "one answer");
  const bool complete = rig.answered.front().second;

  // A second request finds the connection in order, if it is still there.
  const bool goes_on = !rig.closed();
  if (goes_on) {
    rig.application = [](http::Exchange& next) { next.response.bytes = "second"; };
    rig.receive("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  test::ResponseReader reader{rig.sent, rig.methods, rig.closed()};
  require(reader.read_all(), reader.error().c_str());
  std::vector<test::ReadResponse> final;
  for (test::ReadResponse& one : reader.responses) {
    if (one.status >= 200 || one.status == 101) final.push_back(std::move(one));
  }
  require(final.size() == (goes_on ? 2 : 1), "one response for each request");
  if (goes_on) require(final[1].body == "second" && final[1].complete, "the second response");

  const test::ReadResponse& first = final.front();
  require(first.count("date") >= 1 && first.count("content-length") <= 1, "a date, one length");
  require(first.find("status") == nullptr && first.find("rack.x") == nullptr, "nothing internal");
  if (complete) require(first.complete, "complete is what was said");
  // A body that was cut off may have filled its declared length all the same; a chunked one shows it.
  if (!complete) require(!goes_on && !first.trailing_chunk, "cut off is what was said");
  require(first.closes || first.status == 101 || goes_on || !complete, "an end is announced, or the body is cut off");
  if (first.status != status) {
    require(first.status == 500 && cut_off && content.empty(), "a stream that failed at once");
    return 0;
  }
  if (!coded && !cut_off) require(first.body == visible(exchange.request, response, content), "the body");
  if (coded && !cut_off && complete) {
    if (const auto plain = fuzz::reference_chunks(content)) {
      require(first.body == visible(exchange.request, response, plain->content), "the body, decoded");
    }
  }
  return 0;
}
