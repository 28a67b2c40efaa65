// Prometheus' text format 0.0.4, written into a string. Knows no metric.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hyperion::observe {

// `name` is a constant or was checked; `value` may be anything that is UTF-8: it is escaped.
struct Label {
  std::string_view name;
  std::string_view value;
};

inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

class Exposition {
 public:
  explicit Exposition(std::string& out) noexcept : out_(out) {}

  // Everything of one name together: first this, once, then its samples. `type`: counter, gauge or histogram. `name`
  // stays valid until the next family.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(std::span<const Label> labels, uint64_t value);
  void sample(std::span<const Label> labels, double value);
  void sample(uint64_t value) { sample({}, value); }

  // One histogram: its buckets from the lowest edge on, then the rest. `counts`: of each bucket alone, one more than
  // there are edges.
  void histogram(std::span<const Label> labels, std::span<const double> edges, std::span<const uint64_t> counts,
                 double sum);

  static void append_number(std::string& out, double value);

 private:
  void begin(std::string_view suffix, std::span<const Label> labels, std::string_view edge = {});
  void append_escaped(std::string_view text, bool quotes);

  std::string& out_;
  std::string_view name_;
};

}  // namespace hyperion::observe
