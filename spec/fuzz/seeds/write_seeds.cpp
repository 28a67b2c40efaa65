// Writes what the fuzzers start from: write_seeds DIRECTORY. Each case of spec/corpus becomes a file for every target
// that can read it, in the layout of input.hpp.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "http1/corpus.hpp"
#include "http1/parser.hpp"

using namespace hyperion;

namespace {

class Folder {
 public:
  explicit Folder(const std::filesystem::path& path) : path_(path) { std::filesystem::create_directories(path); }

  void write(std::string_view choices, std::string_view bytes) {
    std::ofstream out{path_ / std::to_string(++count_), std::ios::binary};
    out << choices;
    // A few cuts at the front; the fuzzer moves them.
    constexpr std::string_view kCuts{"\x02\x07\x14", 3};
    out << kCuts << bytes;
  }

 private:
  std::filesystem::path path_;
  int count_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_seeds DIRECTORY\n";
    return 1;
  }
  const std::filesystem::path root{argv[1]};
  Folder parser{root / "request_parser"};
  Folder decoder{root / "chunked_decoder"};
  Folder session{root / "session"};
  Folder over_loops{root / "session_over_loops"};
  Folder response{root / "response"};
  Folder labels{root / "metric_labels"};
  for (const std::string_view text : {"t=1700000000.123", "1700000000123456", "/users/17/photos/4f3a9c2e.jpg",
                                      "/a/6fa459ea-ee8a-3ca4-894e-db77e160355e/2024-05-01"}) {
    labels.write("\x20", text);
  }
  Folder log_line{root / "log_line"};
  Folder tags{root / "entity_tags"};
  for (const std::string_view list : {"*", "\"a\"", "W/\"a\"", "\"b\", W/\"a\" ,, \"c\"", "\"a,b\"", "x, \"a\""}) {
    tags.write(std::string{"\1\3\"a\"", 5}, list);
  }
  constexpr size_t kGiant = 4000;
  for (const test::Case& one : test::read_corpus(HYPERION_CORPUS)) {
    if (one.input.size() > kGiant) continue;
    parser.write(std::string(3, '\0'), one.input);
    session.write(std::string(4, '\0') + (one.half_close ? '\1' : '\0') + '\0', one.input);
    over_loops.write(std::string(4, '\0') + (one.half_close ? '\1' : '\0') + "\5\2", one.input);
    log_line.write(std::string{"\2\0\1\3\4name\5value"}, one.input);
    const size_t body = one.input.find("\r\n\r\n");
    if (body == std::string::npos || one.input.find("chunked") == std::string::npos) continue;
    decoder.write(std::string(3, '\0'), std::string_view{one.input}.substr(body + 4));
    // For the response the same bytes are choices; chunks serve as an author's own coding.
    response.write(std::string{"\0\0\1\1\1\2", 6}, std::string_view{one.input}.substr(body + 4));
  }
}
