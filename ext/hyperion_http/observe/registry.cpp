#include "observe/registry.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>

#include "base/ascii.hpp"
#include "observe/exposition.hpp"
#include "observe/label.hpp"

namespace hyperion::observe {
namespace {

constexpr std::string_view kReserved = "hyperion_";
constexpr std::string_view kOther = "other";

bool is_name(std::string_view text, bool colons) noexcept {
  if (text.empty() || base::is_digit(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [colons](char c) {
    return base::is_alpha(c) || base::is_digit(c) || c == '_' || (colons && c == ':');
  });
}

std::string_view text_of(Registry::Kind kind) noexcept {
  switch (kind) {
    case Registry::Kind::counter: return "counter";
    case Registry::Kind::gauge: return "gauge";
    case Registry::Kind::histogram: return "histogram";
  }
  return "";
}

// A number with one writer.
class Number {
 public:
  double get() const noexcept { return std::bit_cast<double>(bits_.load(std::memory_order_relaxed)); }
  void set(double value) noexcept { bits_.store(std::bit_cast<uint64_t>(value), std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> bits_{0};
};

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) all += part;
  return all;
}

}  // namespace

class Registry::Series {
 public:
  Series(std::vector<std::string> its_values, size_t buckets) : values(std::move(its_values)), counts(buckets) {}

  const std::vector<std::string> values;
  Number value;  // of a histogram: the sum
  std::vector<std::atomic<uint64_t>> counts;
  std::unique_ptr<Series> owned_next;
  std::atomic<Series*> next{nullptr};
};

class Registry::Family {
 public:
  explicit Family(Definition its) : definition(std::move(its)) {}
  ~Family() {
    // One by one: a chain of unique_ptr would be taken down by recursion.
    while (first) first = std::move(first->owned_next);
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  const Definition definition;
  std::unordered_map<std::string, Series*> by_values;
  std::unique_ptr<Series> first;
  std::atomic<Series*> series{nullptr};
  Series* last = nullptr;
  std::atomic<Family*> next{nullptr};
};

Registry::Registry() = default;
Registry::~Registry() = default;

std::string Registry::fault_of(const Definition& definition) const {
  const std::string& name = definition.name;
  if (!is_name(name, true)) return "\"" + name + "\" is no name of a metric: letters, digits, _ and :, no digit first";
  if (name.starts_with(kReserved)) return "names that begin with hyperion_ are the server's own: " + name;
  if (name.size() > kLongestValue) return "the name is longer than 128 characters";
  if (definition.labels.size() > kMostLabels) return name + " has more than 16 labels";
  for (const std::string& label : definition.labels) {
    const bool reserved = label.starts_with("__") || (label == "le" && definition.kind == Kind::histogram);
    if (!is_name(label, false) || reserved) return joined({"\"", label, "\" is no name of a label of ", name});
    if (std::count(definition.labels.begin(), definition.labels.end(), label) > 1)
      return joined({name, " has the label ", label, " twice"});
  }
  if (definition.kind == Kind::histogram) {
    const auto& edges = definition.edges;
    const bool ascending = std::adjacent_find(edges.begin(), edges.end(), std::greater_equal<>{}) == edges.end();
    const bool finite = std::all_of(edges.begin(), edges.end(), [](double edge) { return std::isfinite(edge); });
    if (edges.empty() || edges.size() > kMostEdges || !ascending || !finite) {
      return "buckets of " + name + " must be 1 to 100 numbers, each larger than the one before";
    }
  }
  const auto known = by_name_.find(name);
  if (known != by_name_.end()) {
    return known->second->definition == definition
               ? ""
               : name + " is there already, with another type, help, labels or buckets";
  }
  if (by_name_.size() >= kMostFamilies) return "there are 500 metrics already";
  // A histogram's samples have names of their own.
  for (const std::string_view suffix : {"_bucket", "_sum", "_count"}) {
    if (definition.kind == Kind::histogram && by_name_.contains(name + std::string{suffix})) {
      return name + std::string{suffix} + " is there already";
    }
    if (!name.ends_with(suffix)) continue;
    const auto histogram = by_name_.find(name.substr(0, name.size() - suffix.size()));
    if (histogram != by_name_.end() && histogram->second->definition.kind == Kind::histogram) {
      return name + " is a part of the histogram " + histogram->first;
    }
  }
  return "";
}

Registry::Family& Registry::define(Definition definition) {
  auto& place = by_name_[definition.name];
  if (place != nullptr) return *place;
  place = std::make_unique<Family>(std::move(definition));
  (last_ == nullptr ? families_ : last_->next).store(place.get(), std::memory_order_release);
  last_ = place.get();
  // Without labels it has its one value from the beginning.
  if (last_->definition.labels.empty()) series(*last_, {});
  return *last_;
}

Registry::Series& Registry::series(Family& family, std::span<const std::string> values) {
  std::string key;
  std::vector<std::string> cleaned;
  for (const std::string& value : values) {
    cleaned.push_back(clean_label(value, kLongestValue));
    key += cleaned.back();
    key += '\0';  // in none of them
  }
  if (const auto found = family.by_values.find(key); found != family.by_values.end()) return *found->second;
  if (family.by_values.size() >= kMostSeries) {
    for (std::string& value : cleaned) value = kOther;
    key.clear();  // no combination of values is empty
    if (const auto found = family.by_values.find(key); found != family.by_values.end()) return *found->second;
  }
  const bool counts = family.definition.kind == Kind::histogram;
  auto made = std::make_unique<Series>(std::move(cleaned), counts ? family.definition.edges.size() + 1 : 0);
  Series* series = made.get();
  (family.last == nullptr ? family.first : family.last->owned_next) = std::move(made);
  (family.last == nullptr ? family.series : family.last->next).store(series, std::memory_order_release);
  family.last = series;
  family.by_values.emplace(std::move(key), series);
  return *series;
}

void Registry::add(Series& series, double amount) noexcept { series.value.set(series.value.get() + amount); }

void Registry::set(Series& series, double value) noexcept { series.value.set(value); }

double Registry::value(const Series& series) const noexcept { return series.value.get(); }

void Registry::observe(const Family& family, Series& series, double value) noexcept {
  const auto& edges = family.definition.edges;
  const auto bucket = static_cast<size_t>(std::lower_bound(edges.begin(), edges.end(), value) - edges.begin());
  std::atomic<uint64_t>& count = series.counts[bucket];
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  series.value.set(series.value.get() + value);
}

void Registry::append_to(std::string& out) const {
  Exposition page{out};
  std::vector<Label> labels;
  std::vector<uint64_t> counts;
  for (const Family* family = families_.load(std::memory_order_acquire); family != nullptr;
       family = family->next.load(std::memory_order_acquire)) {
    const Definition& definition = family->definition;
    page.family(definition.name, text_of(definition.kind), definition.help);
    for (const Series* series = family->series.load(std::memory_order_acquire); series != nullptr;
         series = series->next.load(std::memory_order_acquire)) {
      labels.clear();
      for (size_t i = 0; i < definition.labels.size(); ++i) labels.push_back({definition.labels[i], series->values[i]});
      if (definition.kind != Kind::histogram) {
        page.sample(labels, series->value.get());
        continue;
      }
      counts.clear();
      for (const auto& count : series->counts) counts.push_back(count.load(std::memory_order_relaxed));
      page.histogram(labels, definition.edges, counts, series->value.get());
    }
  }
}

}  // namespace hyperion::observe
