// http::FieldList: order, spelling, what it owns.
#include "http/fields.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace hyperion::http;

namespace {

std::vector<std::string> lines(const FieldList& fields) {
  std::vector<std::string> all;
  for (const Field& field : fields) {
    all.push_back(std::string{fields.name(field)} + ": " + std::string{fields.value(field)});
  }
  return all;
}

}  // namespace

TEST_CASE("fields: order, spelling and repetition stay") {
  FieldList fields;
  fields.add("X-B", "1");
  fields.add("accept", "2");
  fields.add("x-b", "");
  CHECK(lines(fields) == std::vector<std::string>{"X-B: 1", "accept: 2", "x-b: "});
  CHECK(fields.size() == 3);
  CHECK_FALSE(fields.empty());
}

TEST_CASE("fields: bytes are copied") {
  FieldList fields;
  {
    std::string value = "a value too long for a string that keeps its bytes inside";
    fields.add("Cookie", value);
    value.assign(value.size(), '!');
  }
  CHECK(fields.find(KnownField::cookie) == "a value too long for a string that keeps its bytes inside");
}

TEST_CASE("fields: find gives the first of a name, whatever its case") {
  FieldList fields;
  fields.add("ACCEPT", "one");
  fields.add("accept", "two");
  CHECK(fields.find(KnownField::accept) == "one");
  CHECK_FALSE(fields.find(KnownField::host).has_value());
}

TEST_CASE("fields: a field with an empty value is found") {
  FieldList fields;
  fields.add("accept", "");
  CHECK(fields.find(KnownField::accept) == "");
}

TEST_CASE("fields: slices of a parser refer to the adopted bytes") {
  FieldList fields;
  fields.add({{0, 1}, {3, 2}, KnownField::other});
  fields.adopt("A: bc");
  CHECK(lines(fields) == std::vector<std::string>{"A: bc"});
}

TEST_CASE("fields: appended bytes lie behind adopted ones") {
  FieldList fields;
  fields.adopt("head");
  const Slice more = fields.append("more");
  CHECK(fields.view({0, 4}) == "head");
  CHECK(fields.view(more) == "more");
}

TEST_CASE("fields: remove_if asks once for each, with the list whole") {
  FieldList fields;
  for (const char* name : {"a", "b", "c", "d"}) fields.add(name, name);
  std::vector<size_t> sizes;
  fields.remove_if([&](const Field& field) {
    sizes.push_back(fields.size());
    return fields.name(field) == "b" || fields.name(field) == "d";
  });
  CHECK(sizes == std::vector<size_t>{4, 4, 4, 4});
  CHECK(lines(fields) == std::vector<std::string>{"a: a", "c: c"});
}

TEST_CASE("fields: clear leaves nothing, of a giant either") {
  FieldList fields;
  for (int i = 0; i < 2000; ++i) fields.add("name", std::string(100, 'v'));
  fields.clear();
  CHECK(fields.empty());
  CHECK(lines(fields).empty());
  fields.add("a", "b");
  CHECK(lines(fields) == std::vector<std::string>{"a: b"});
  CHECK((*fields.begin()).name.begin == 0);
}
