// How log lines look, and that nobody outside can make them look otherwise.
#include "observe/log_format.hpp"

#include <doctest/doctest.h>

#include "support/random.hpp"

namespace hyperion::test {
namespace {

using namespace observe;

// 2024-02-29T12:34:56.789Z
constexpr int64_t kTime = 1'709'210'096'789'012;

AccessEntry entry() {
  return {.wall_micros = kTime,
          .duration_nanos = 1'234'567,
          .response_bytes = 42,
          .status = 200,
          .method = "GET",
          .path = "/a",
          .query = "b=c",
          .remote = "192.0.2.1",
          .version = "HTTP/1.1",
          .request_id = {},
          .fields = {}};
}

std::string access(const AccessEntry& entry, Format format, bool color = false) {
  std::string line;
  append_access_line(line, entry, {.format = format, .color = color});
  return line;
}

std::string message(std::string_view component, std::string_view text, Format format, Level level = Level::warn) {
  std::string line;
  append_message_line(line, {.wall_micros = kTime, .level = level, .source = component, .text = text},
                      {.format = format});
  return line;
}

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

}  // namespace

TEST_CASE("log format: an access line as text") {
  CHECK(access(entry(), Format::text) ==
        "2024-02-29T12:34:56.789Z INFO access: GET /a?b=c 200 1.234ms 42B 192.0.2.1 HTTP/1.1\n");
  AccessEntry bare;
  bare.wall_micros = kTime;
  bare.status = 408;
  CHECK(access(bare, Format::text) == "2024-02-29T12:34:56.789Z INFO access: - - 408 0.000ms 0B - \n");
  AccessEntry with_id = entry();
  with_id.query = "";
  with_id.request_id = "id-1";
  with_id.duration_nanos = 61'000'000'000;
  CHECK(access(with_id, Format::text) ==
        "2024-02-29T12:34:56.789Z INFO access: GET /a 200 61000.000ms 42B 192.0.2.1 HTTP/1.1 request_id=id-1\n");
  CHECK(access(entry(), Format::text, true).find("\x1b[32mINFO\x1b[0m") != std::string::npos);
}

TEST_CASE("log format: an access line as JSON") {
  AccessEntry with_id = entry();
  with_id.request_id = "id-1";
  CHECK(access(with_id, Format::json) ==
        R"({"ts":"2024-02-29T12:34:56.789Z","level":"info","source":"access","message":"request","method":"GET",)"
        R"("path":"/a","query":"b=c","status":200,"duration_ms":1.234,"bytes":42,"remote_addr":"192.0.2.1",)"
        R"("http_version":"HTTP/1.1","request_id":"id-1"})"
        "\n");
}

TEST_CASE("log format: a message") {
  CHECK(message("http", "all is well", Format::text) == "2024-02-29T12:34:56.789Z WARN http: all is well\n");
  CHECK(message("http", "all is well", Format::json, Level::error) ==
        R"({"ts":"2024-02-29T12:34:56.789Z","level":"error","source":"http","message":"all is well"})"
        "\n");
}

TEST_CASE("log format: control characters cannot forge a line or steer a terminal") {
  CHECK(escaped("a\r\nb\tc\x1b[31m\x7f\\") == "a\\x0d\\x0ab\\x09c\\x1b[31m\\x7f\\\\");
  CHECK(escaped(std::string_view{"\0", 1}) == "\\x00");
  // C1 controls, as one byte and as UTF-8.
  CHECK(escaped("\x9b"
                "31m") == "\\x9b31m");
  CHECK(escaped("\xc2\x9b"
                "31m") == "\\xc2\\x9b31m");
  CHECK(escaped("\xc2\xa0\xc3\xa9") == "\xc2\xa0\xc3\xa9");
  CHECK(json("a\r\n\t\"\\\x1b\x7f") == R"("a\r\n\t\"\\\u001b\u007f")");
  CHECK(json(std::string_view{"\0", 1}) == R"("\u0000")");
  CHECK(json("\xc2\x80\xc2\x9b\xc2\xa0") == "\"\\u0080\\u009b\xc2\xa0\"");

  AccessEntry forged = entry();
  forged.path = "/x\n2024-02-29T12:34:56.789Z INFO access: GET /forged";
  forged.query = "\"}\n{\"level\":\"fatal";
  forged.request_id = "a b\nc";
  for (const Format format : {Format::text, Format::json}) {
    const std::string line = access(forged, format);
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(line.find('\x1b') == std::string::npos);
  }
  const std::string line = message("a\nb", "c\nd", Format::text);
  CHECK(line.find('\n') == line.size() - 1);
}

TEST_CASE("log format: line separators and turns of the direction are not passed on") {
  for (const int last : {0xa8, 0xa9, 0xaa, 0xae}) {
    const std::string bytes{'\xe2', '\x80', static_cast<char>(last)};
    CHECK(escaped(bytes).starts_with("\\xe2\\x80\\xa"));
    CHECK(json(bytes).starts_with("\"\\u202"));
  }
  CHECK(json("\xe2\x80\xa8") == "\"\\u2028\"");
  CHECK(json("\xe2\x81\xa6") == "\"\\u2066\"");
  CHECK(json("\xc2\x85") == "\"\\u0085\"");
  CHECK(escaped("\xe2\x81\xa9") == "\\xe2\\x81\\xa9");
  // Their neighbours are text.
  for (const std::string_view good : {"\xe2\x80\xa7", "\xe2\x80\xaf", "\xe2\x81\xa5", "\xe2\x81\xaa"}) {
    CHECK(escaped(good) == good);
    CHECK(json(good) == "\"" + std::string{good} + "\"");
  }
}

TEST_CASE("log format: a value with blanks cannot look like fields") {
  AccessEntry forged = entry();
  forged.request_id = "id user=admin \"";
  CHECK(access(forged, Format::text).ends_with("HTTP/1.1 request_id=\"id user=admin \\\"\"\n"));
  forged.request_id = "a\\b";
  CHECK(access(forged, Format::text).ends_with(" request_id=a\\\\b\n"));
}

TEST_CASE("log format: colours tell level and status, and bare lines have neither time nor level") {
  AccessEntry one = entry();
  one.status = 503;
  const std::string line = access(one, Format::text, true);
  CHECK(line.find("\x1b[32mINFO\x1b[0m access: GET /a?b=c \x1b[31m503\x1b[0m ") != std::string::npos);
  std::string bare;
  append_access_line(bare, one, {.bare = true});
  CHECK(bare == "access: GET /a?b=c 503 1.234ms 42B 192.0.2.1 HTTP/1.1\n");
}

TEST_CASE("log format: the second changes") {
  AccessEntry one = entry();
  std::string two;
  append_access_line(two, one, {});
  one.wall_micros += 1'000'000;
  append_access_line(two, one, {});
  one.wall_micros = 1;
  append_access_line(two, one, {});
  CHECK(two.find("2024-02-29T12:34:56.789Z") != std::string::npos);
  CHECK(two.find("2024-02-29T12:34:57.789Z") != std::string::npos);
  CHECK(two.find("1970-01-01T00:00:00.000Z") != std::string::npos);
}

TEST_CASE("log format: well-formed UTF-8 stays, everything else is shown as what it is") {
  for (const std::string_view good : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x8e", "\xed\x9f\xbf", "\xee\x80\x80",
                                      "\xf4\x8f\xbf\xbf", "\xc2\xa0", "\xe0\xa0\x80", "\xf0\x90\x80\x80"}) {
    CHECK(json(good) == "\"" + std::string{good} + "\"");
    CHECK(escaped(good) == good);
  }
  // Overlong, surrogate, beyond U+10FFFF, cut short, a lone continuation.
  for (const std::string_view bad :
       {"\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x90", "\xe2\x28\xa1"}) {
    CHECK(json(bad).find("\\ufffd") != std::string::npos);
    CHECK(escaped(bad).find("\\x") != std::string::npos);
    for (const char c : json(bad)) CHECK(static_cast<unsigned char>(c) < 0x80);
    for (const char c : escaped(bad)) CHECK(static_cast<unsigned char>(c) < 0x80);
  }
}

TEST_CASE("log format: whatever the bytes, a line is one line") {
  Random random{1};
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random.between(0, 40), '\0');
    for (char& c : bytes) c = static_cast<char>(random.between(0, 255));
    for (const std::string& line : {json(bytes), escaped(bytes)}) {
      for (const char c : line) REQUIRE((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    }
  }
}

}  // namespace hyperion::test
