// The table of known field names finds every name in any case, and nothing else.
#include "http/known_fields.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace hyperion;
using http::find_known_field;
using http::KnownField;

namespace {

template <class Visit>
void each_known(Visit&& visit) {
  for (size_t i = 0; i < http::kKnownFieldCount; ++i) {
    const auto field = static_cast<KnownField>(i);
    visit(field, std::string{name_of(field)});
  }
}

// By comparing with all: slow and plain.
KnownField search(std::string_view name) {
  KnownField found = KnownField::other;
  each_known([&](KnownField field, const std::string& known) {
    if (base::iequals(name, known)) found = field;
  });
  return found;
}

std::string upper(std::string text) {
  for (char& c : text) c = base::to_upper(c);
  return text;
}

}  // namespace

TEST_CASE("known fields: every name is found in lower, upper, title and any other case") {
  std::mt19937 random{3};
  each_known([&](KnownField field, const std::string& name) {
    CAPTURE(name);
    CHECK(find_known_field(name) == field);
    CHECK(find_known_field(upper(name)) == field);
    std::string title = name;
    for (size_t i = 0; i < title.size(); ++i) {
      if (i == 0 || title[i - 1] == '-') title[i] = base::to_upper(title[i]);
    }
    CHECK(find_known_field(title) == field);
    for (int round = 0; round < 20; ++round) {
      std::string any = name;
      for (char& c : any) {
        if (random() % 2 == 0) c = base::to_upper(c);
      }
      CHECK(find_known_field(any) == field);
    }
  });
}

TEST_CASE("known fields: a name with one byte changed, added or taken away is not that name") {
  each_known([&](KnownField, const std::string& name) {
    for (size_t at = 0; at <= name.size(); ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string longer = name;
        longer.insert(at, 1, static_cast<char>(byte));
        std::string changed = name;
        if (at < name.size()) changed[at] = static_cast<char>(byte);
        for (const std::string& other : {longer, changed}) {
          if (find_known_field(other) != search(other)) {
            CAPTURE(other);
            CHECK(find_known_field(other) == search(other));
          }
        }
      }
      std::string shorter = name;
      if (at < name.size()) shorter.erase(at, 1);
      CHECK(find_known_field(shorter) == search(shorter));
    }
  });
}

TEST_CASE("known fields: a longer name that falls on the same place of the table is not found") {
  std::mt19937 random{11};
  int collisions = 0;
  each_known([&](KnownField, const std::string& name) {
    const size_t place = http::detail::field_hash(name, http::detail::kSeed);
    for (int round = 0; round < 5'000; ++round) {
      std::string longer = name;
      const size_t more = 1 + random() % 8;
      for (size_t i = 0; i < more; ++i) longer += static_cast<char>('a' + random() % 26);
      if (http::detail::field_hash(longer, http::detail::kSeed) != place) continue;
      ++collisions;
      CHECK(find_known_field(longer) == KnownField::other);
    }
  });
  CHECK(collisions > 100);
}

TEST_CASE("known fields: an underscore is not a hyphen") {
  each_known([&](KnownField, std::string name) {
    for (char& c : name) c = c == '-' ? '_' : c;
    if (name.find('_') != std::string::npos) CHECK(find_known_field(name) == KnownField::other);
  });
}

TEST_CASE("known fields: other names are not found") {
  for (const std::string_view name : {"", "a", "x-custom", "accep", "accepts", "content", "hos", "hosts", "status"}) {
    CHECK(find_known_field(name) == KnownField::other);
  }
  std::mt19937 random{5};
  for (int round = 0; round < 100'000; ++round) {
    std::string name;
    const size_t size = 1 + random() % 30;
    for (size_t i = 0; i < size; ++i) name += static_cast<char>(random() % 256);
    if (find_known_field(name) != search(name)) {
      CAPTURE(name);
      CHECK(find_known_field(name) == search(name));
    }
  }
}

TEST_CASE("known fields: the list is sorted and says each name once, in lower case") {
  std::string before;
  each_known([&](KnownField, const std::string& name) {
    CHECK(before < name);
    CHECK(base::is_token(name));
    for (char c : name) CHECK(base::to_lower(c) == c);
    before = name;
  });
}
