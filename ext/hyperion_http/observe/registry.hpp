// The user's own metrics. One thread at a time defines and writes (in the server whoever holds Ruby's lock); any number
// reads meanwhile without a lock, for a scrape waits for nobody: what has been linked in is never changed or removed
// but for its numbers, which are atomics.
//
//   families_ -> Family -> Family        in the order of their definition
//                  '-> Series -> Series  one for each combination of label values
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hyperion::observe {

class Registry {
 public:
  enum class Kind : uint8_t { counter, gauge, histogram };

  static constexpr size_t kMostFamilies = 500;
  // Further combinations of label values are counted together, each label "other".
  static constexpr size_t kMostSeries = 1000;
  static constexpr size_t kMostLabels = 16;
  static constexpr size_t kMostEdges = 100;
  static constexpr size_t kLongestValue = 128;

  struct Definition {
    Kind kind = Kind::counter;
    std::string name;
    std::string help;
    std::vector<std::string> labels;
    // Of a histogram: upper edges, ascending, finite.
    std::vector<double> edges;

    friend bool operator==(const Definition&, const Definition&) = default;
  };

  class Series;
  class Family;

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // --- The writer ---

  // What is wrong with it, as one clause; empty: nothing.
  std::string fault_of(const Definition& definition) const;
  // The family, which lives as long as this. A second definition that is the same changes nothing; fault_of has found
  // nothing.
  Family& define(Definition definition);
  // Whose values these are: as many as the family has labels. They are cleaned.
  Series& series(Family& family, std::span<const std::string> values);
  // Of a counter or gauge.
  void add(Series& series, double amount) noexcept;
  void set(Series& series, double value) noexcept;
  double value(const Series& series) const noexcept;
  // Of a histogram.
  void observe(const Family& family, Series& series, double value) noexcept;

  // --- Anyone ---

  void append_to(std::string& out) const;

 private:
  // The writer's.
  std::unordered_map<std::string, std::unique_ptr<Family>> by_name_;
  std::atomic<Family*> families_{nullptr};
  Family* last_ = nullptr;  // the writer's, too
};

}  // namespace hyperion::observe
