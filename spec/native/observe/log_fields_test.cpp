// Fields that an application adds to a line: bounded, typed, and never one of the server's own.
#include "observe/log_fields.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "observe/log_format.hpp"

namespace hyperion::test {
namespace {

using namespace observe;

std::vector<Field> unpacked(std::string_view packed) {
  std::vector<Field> fields;
  Field field;
  while (take_field(packed, field)) fields.push_back(field);
  return fields;
}

std::string line(std::string_view packed, Format format) {
  std::string out;
  append_message_line(out, {.source = "s", .text = "m", .fields = packed}, {.format = format, .bare = true});
  return out;
}

}  // namespace

TEST_CASE("log fields: kinds arrive as they were given, as JSON and as text") {
  std::string packed;
  FieldsWriter writer{packed, kMessageFields};
  writer.add(FieldKind::text, "user", "ann");
  writer.add(FieldKind::text, "note", "a \"b\"=c\\\n");
  writer.add(FieldKind::text, "none", "");
  writer.add(FieldKind::number, "count", "-1.5e+20");
  writer.add(FieldKind::yes, "yes", "whatever");
  writer.add(FieldKind::no, "no", "");
  writer.add(FieldKind::nothing, "nil", "");
  writer.add(FieldKind::number, "odd", "1}");
  writer.finish();
  CHECK(line(packed, Format::text) ==
        "s: m user=ann note=\"a \\\"b\\\"=c\\\\\\x0a\" none=\"\" count=-1.5e+20 yes=true no=false nil=nil odd=1}\n");
  const std::string json = line(packed, Format::json);
  CHECK(json.ends_with(
      R"("message":"m","user":"ann","note":"a \"b\"=c\\\n","none":"","count":-1.5e+20,"yes":true,"no":false,)"
      R"("nil":null,"odd":"1}"})"
      "\n"));
}

TEST_CASE("log fields: the server's names and those that are there already are left out, and counted") {
  std::string packed{"before"};
  FieldsWriter writer{packed, kAccessFields};
  for (const std::string_view name : kAccessFields) writer.add(FieldKind::text, name, "forged");
  writer.add(FieldKind::text, "once", "first");
  writer.add(FieldKind::text, "once", "second");
  writer.add(FieldKind::text, "", "nameless");
  writer.add(FieldKind::text, std::string(kMostFieldName + 1, 'n'), "long");
  writer.finish();
  const auto fields = unpacked(std::string_view{packed}.substr(6));
  REQUIRE(fields.size() == 2);
  CHECK(fields[0].name == "once");
  CHECK(fields[0].text == "first");
  CHECK(fields[1].name == "fields_omitted");
  CHECK(fields[1].kind == FieldKind::number);
  CHECK(fields[1].text == std::to_string(kAccessFields.size() + 3));
}

TEST_CASE("log fields: bounded in number, in bytes, and each text by itself, at a character's end") {
  std::string many;
  FieldsWriter writer{many, {}};
  for (size_t i = 0; i < kMostFields + 5; ++i) writer.add(FieldKind::number, "n" + std::to_string(i), "1");
  writer.finish();
  CHECK(unpacked(many).size() == kMostFields + 1);
  CHECK(unpacked(many).back().text == "5");

  std::string large;
  FieldsWriter second{large, {}};
  const std::string long_text = "x" + [] {
    std::string euros;
    while (euros.size() < kMostFieldText) euros += "\xe2\x82\xac";
    return euros;
  }();
  for (int i = 0; i < 10; ++i) second.add(FieldKind::text, "t" + std::to_string(i), long_text);
  second.finish();
  CHECK(large.size() <= kMostFieldBytes + 64);
  const auto fields = unpacked(large);
  REQUIRE(fields.size() >= 3);
  CHECK(fields.front().text.size() <= kMostFieldText);
  CHECK(fields.front().text.size() > kMostFieldText - 8);
  CHECK(fields.front().text.ends_with("\xe2\x82\xac\xe2\x80\xa6"));
  CHECK(fields.back().name == "fields_omitted");
}

TEST_CASE("log fields: bytes that make no sense end the list") {
  Field field;
  std::string packed;
  FieldsWriter writer{packed, {}};
  writer.add(FieldKind::text, "name", "text");
  for (size_t size = 0; size < packed.size(); ++size) {
    std::string_view cut = std::string_view{packed}.substr(0, size);
    CHECK_FALSE(take_field(cut, field));
  }
}

}  // namespace hyperion::test
