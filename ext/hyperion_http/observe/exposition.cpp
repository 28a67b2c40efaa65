#include "observe/exposition.hpp"

#include <charconv>
#include <cmath>

#include "base/number.hpp"

namespace hyperion::observe {

// The shortest text that reads back as the same number.
void Exposition::append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char digits[32];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
}

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  out_ += "# HELP ";
  out_ += name;
  out_ += ' ';
  append_escaped(help, false);
  out_ += "\n# TYPE ";
  out_ += name;
  out_ += ' ';
  out_ += type;
  out_ += '\n';
}

void Exposition::sample(std::span<const Label> labels, uint64_t value) {
  begin({}, labels);
  base::append_decimal(out_, value);
  out_ += '\n';
}

void Exposition::sample(std::span<const Label> labels, double value) {
  begin({}, labels);
  append_number(out_, value);
  out_ += '\n';
}

void Exposition::histogram(std::span<const Label> labels, std::span<const double> edges,
                           std::span<const uint64_t> counts, double sum) {
  uint64_t total = 0;
  std::string edge;
  for (size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    edge.clear();
    append_number(edge, i < edges.size() ? edges[i] : INFINITY);
    begin("_bucket", labels, edge);
    base::append_decimal(out_, total);
    out_ += '\n';
  }
  begin("_sum", labels);
  append_number(out_, sum);
  out_ += '\n';
  begin("_count", labels);
  base::append_decimal(out_, total);
  out_ += '\n';
}

// name{label="value",le="edge"} and a blank.
void Exposition::begin(std::string_view suffix, std::span<const Label> labels, std::string_view edge) {
  out_ += name_;
  out_ += suffix;
  char separator = '{';
  for (const Label& label : labels) {
    out_ += separator;
    separator = ',';
    out_ += label.name;
    out_ += "=\"";
    append_escaped(label.value, true);
    out_ += '"';
  }
  if (!edge.empty()) {
    out_ += separator;
    separator = ',';
    out_ += "le=\"";
    out_ += edge;
    out_ += '"';
  }
  out_ += separator == ',' ? "} " : " ";
}

void Exposition::append_escaped(std::string_view text, bool quotes) {
  while (true) {
    const size_t at = text.find_first_of(quotes ? "\\\"\n" : "\\\n");
    out_ += text.substr(0, at);
    if (at == std::string_view::npos) return;
    out_ += '\\';
    out_ += text[at] == '\n' ? 'n' : text[at];
    text.remove_prefix(at + 1);
  }
}

}  // namespace hyperion::observe
