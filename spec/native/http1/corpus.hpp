// Reads spec/corpus/*.txt, whose form is described in spec/corpus/README.md. Used by the tests and by the writer of
// fuzz seeds.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "escape.hpp"
#include "http/limits.hpp"
#include "session_rig.hpp"

namespace hyperion::test {

struct Case {
  std::string where;  // file:line
  std::string rule;
  std::string input;
  http::Limits limits;
  bool half_close = false;
  std::vector<Event> expected;
  // Statuses on the wire; by default one 200 for each request, then the refusal's.
  std::optional<std::string> answers;
  // The phase after everything; empty: closing after a refusal or a request that is the last, else idle.
  std::string phase;
};

class CorpusFile {
 public:
  static std::vector<Case> read(const std::filesystem::path& path) {
    CorpusFile file{path};
    return std::move(file.cases_);
  }

 private:
  explicit CorpusFile(const std::filesystem::path& path) : name_(path.filename()) {
    std::ifstream in{path};
    std::string line;
    while (std::getline(in, line)) {
      ++number_;
      try {
        take(line);
      } catch (const std::exception& error) {
        throw std::runtime_error(where() + ": " + error.what() + ": " + line);
      }
    }
  }

  std::string where() const { return name_ + ":" + std::to_string(number_); }

  void take(std::string_view line) {
    if (line.empty() || line.front() == ';') return;
    if (line.starts_with("# ")) {
      cases_.push_back({.where = where(), .rule = std::string{line.substr(2)}});
      return;
    }
    if (cases_.empty()) throw std::runtime_error("a case begins with its rule");
    Case& now = cases_.back();
    if (line.front() == '>') {
      take_input(now, line.size() > 1 ? line.substr(2) : line.substr(1));
    } else if (line.starts_with("=   ")) {
      if (now.expected.empty()) throw std::runtime_error("a fact without its event");
      take_fact(now.expected.back(), line.substr(4));
    } else if (line.starts_with("= ")) {
      take_event(now, line.substr(2));
    } else if (line.starts_with("limit ")) {
      take_limit(now.limits, line.substr(6));
    } else if (line == "half-close") {
      now.half_close = true;
    } else {
      throw std::runtime_error("unknown line");
    }
  }

  static void take_input(Case& now, std::string_view text) {
    const bool no_crlf = !text.empty() && text.back() == '\\' && (text.size() < 2 || text[text.size() - 2] != '\\');
    if (no_crlf) text.remove_suffix(1);
    now.input += unescape(text);
    if (!no_crlf) now.input += "\r\n";
  }

  static void take_event(Case& now, std::string_view text) {
    if (text == "answers" || text.starts_with("answers ")) {
      now.answers = text.substr(std::min<size_t>(text.size(), 8));
    } else if (text.starts_with("phase ")) {
      now.phase = text.substr(6);
    } else if (text.starts_with("request ") || text.starts_with("refused ")) {
      now.expected.push_back({escape(unescape(text)), {}});
    } else {
      throw std::runtime_error("unknown event");
    }
  }

  static void take_fact(Event& event, std::string_view text) {
    const size_t blank = std::min(text.find(' '), text.size());
    const std::string_view value = blank == text.size() ? std::string_view{} : text.substr(blank + 1);
    event.facts.emplace_back(std::string{text.substr(0, blank)}, unescape(value));
  }

  static void take_limit(http::Limits& limits, std::string_view text) {
    const size_t blank = text.find(' ');
    const std::string_view name = text.substr(0, blank);
    const uint64_t value = std::stoull(std::string{text.substr(blank + 1)});
    if (name == "max_header_bytes") {
      limits.max_header_bytes = value;
    } else if (name == "max_header_fields") {
      limits.max_header_fields = value;
    } else if (name == "max_body_bytes") {
      limits.max_body_bytes = value;
    } else if (name == "chunk_extension_bytes") {
      limits.chunk_extension_bytes = value;
    } else if (name == "drop_underscore_fields") {
      limits.drop_underscore_fields = value != 0;
    } else {
      throw std::runtime_error("unknown limit");
    }
  }

  std::string name_;
  size_t number_ = 0;
  std::vector<Case> cases_;
};

// Every case of every file in `directory`, in the files' order.
inline std::vector<Case> read_corpus(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator{directory}) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const auto& file : files) {
    for (Case& one : CorpusFile::read(file)) cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace hyperion::test
