// A client's reading of HTTP/1 responses, written from RFC 9112 sections 4, 6 and 7 alone: it shares no code with the
// server, so that it can judge what the server sends. Strict: one byte out of place is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hyperion::test {

struct ReadResponse {
  int status = 0;
  std::string reason;
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;
  bool complete = false;     // its end was seen
  bool until_close = false;  // nothing but the end of the connection ends it
  bool closes = false;       // it says `connection: close`
  bool chunked = false;
  bool trailing_chunk = false;

  const std::string* find(std::string_view name) const {
    for (const auto& [known, value] : fields) {
      if (known == name) return &value;
    }
    return nullptr;
  }
  size_t count(std::string_view name) const {
    size_t number = 0;
    for (const auto& field : fields) number += field.first == name ? 1 : 0;
    return number;
  }
};

class ResponseReader {
 public:
  // `methods`: of the requests, in order; GET for those beyond. `ended`: the connection is closed after `bytes`.
  ResponseReader(std::string_view bytes, std::vector<std::string> methods, bool ended)
      : rest_(bytes), methods_(std::move(methods)), ended_(ended) {}

  // Reads everything. False: what stands on the wire is not HTTP (see error()).
  bool read_all() {
    while (!rest_.empty()) {
      if (!responses.empty() && final(responses.back()) && (responses.back().closes || switched_)) {
        return fail("bytes after the last response of the connection");
      }
      responses.emplace_back();
      if (!read_one(responses.back())) return false;
      if (!responses.back().complete) break;
    }
    if (!rest_.empty()) return fail("bytes after a response that is not complete");
    return true;
  }
  const std::string& error() const noexcept { return error_; }

  std::vector<ReadResponse> responses;

 private:
  static bool final(const ReadResponse& response) noexcept { return response.status >= 200 || response.status == 101; }

  bool fail(std::string_view what) {
    error_ = what;
    return false;
  }

  // One line without its CRLF. False and no error: it is not there yet.
  bool line(std::string& text) {
    const size_t end = rest_.find("\r\n");
    if (end == std::string_view::npos) return false;
    text = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    return true;
  }

  static bool clean(std::string_view text) noexcept {
    return text.find('\r') == text.npos && text.find('\n') == text.npos && text.find('\0') == text.npos;
  }

  static std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    return out;
  }

  bool read_one(ReadResponse& response) {
    std::string text;
    if (!line(text)) return cut_off();
    if (!clean(text) || text.size() < 13 || text.substr(0, 9) != "HTTP/1.1 " || text[12] != ' ') {
      return fail("no status line: " + text);
    }
    for (size_t i = 9; i < 12; ++i) {
      if (text[i] < '0' || text[i] > '9') return fail("no status: " + text);
      response.status = response.status * 10 + (text[i] - '0');
    }
    response.reason = text.substr(13);
    while (true) {
      if (!line(text)) return cut_off();
      if (text.empty()) break;
      if (!read_field(response, text)) return false;
    }
    return read_body(response);
  }

  bool read_field(ReadResponse& response, std::string_view text) {
    constexpr std::string_view kToken = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const size_t colon = text.find(": ");
    if (colon == std::string_view::npos || colon == 0) return fail("no field line: " + std::string{text});
    if (text.substr(0, colon).find_first_not_of(kToken) != text.npos)
      return fail("no field name: " + std::string{text});
    if (!clean(text)) return fail("a field value with CR, LF or NUL");
    response.fields.emplace_back(lower(text.substr(0, colon)), std::string{text.substr(colon + 2)});
    return true;
  }

  bool read_body(ReadResponse& response) {
    const std::string* length = response.find("content-length");
    const std::string* coding = response.find("transfer-encoding");
    if (response.count("content-length") > 1) return fail("content-length twice");
    if (response.count("transfer-encoding") > 1) return fail("transfer-encoding twice");
    if (response.count("connection") > 1) return fail("connection twice");
    if (length != nullptr && coding != nullptr) return fail("content-length with transfer-encoding");
    if (const std::string* connection = response.find("connection")) {
      response.closes = connection->find("close") != std::string::npos;
    }
    const bool bodiless = response.status < 200 || response.status == 204;
    if (bodiless && (length != nullptr || coding != nullptr)) return fail("framing fields on 1xx or 204");
    switched_ = response.status == 101;
    std::string method = "GET";
    if (final(response) && answered_ < methods_.size()) method = methods_[answered_];
    if (final(response)) ++answered_;
    if (bodiless || response.status == 304 || method == "HEAD") {
      response.complete = true;
      return true;
    }
    if (coding != nullptr) return *coding == "chunked" ? read_chunks(response) : fail("transfer-encoding " + *coding);
    if (length != nullptr) return read_counted(response, *length);
    response.until_close = true;
    if (!response.closes) return fail("a body without framing on a connection that persists");
    response.body = rest_;
    rest_ = {};
    response.complete = ended_;
    return true;
  }

  bool read_counted(ReadResponse& response, const std::string& text) {
    if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return fail("content-length " + text);
    const uint64_t size = std::stoull(text);
    response.body = rest_.substr(0, size);
    response.complete = response.body.size() == size;
    rest_.remove_prefix(response.body.size());
    return true;
  }

  bool read_chunks(ReadResponse& response) {
    response.chunked = true;
    while (true) {
      std::string text;
      if (!line(text)) return cut_off();
      if (text.empty() || text.size() > 16 || text.find_first_not_of("0123456789abcdef") != text.npos) {
        return fail("chunk size " + text);
      }
      const uint64_t size = std::stoull(text, nullptr, 16);
      if (size == 0) break;
      if (rest_.size() < size + 2) {
        response.body += rest_.substr(0, size);
        rest_ = {};
        return cut_off();
      }
      response.body += rest_.substr(0, size);
      if (rest_.substr(size, 2) != "\r\n") return fail("no CRLF after a chunk");
      rest_.remove_prefix(size + 2);
    }
    response.trailing_chunk = true;
    if (rest_.substr(0, 2) != "\r\n") return fail("no empty line after the last chunk");
    rest_.remove_prefix(2);
    response.complete = true;
    return true;
  }

  // The bytes end inside a response: only a closed or a waiting connection looks like that.
  bool cut_off() {
    rest_ = {};
    return true;
  }

  std::string_view rest_;
  std::vector<std::string> methods_;
  size_t answered_ = 0;
  bool ended_ = false;
  bool switched_ = false;
  std::string error_;
};

}  // namespace hyperion::test
