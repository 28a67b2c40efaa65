#include "ruby/rack/log_extras.hpp"

#include <cmath>

#include "observe/log_fields.hpp"
#include "ruby/convert.hpp"

namespace hyperion::ruby::rack {
namespace {

using observe::FieldKind;
using observe::FieldsWriter;

// The String in UTF-8, where its encoding is known and another one.
VALUE in_utf8(VALUE string) {
  rb_encoding* const encoding = rb_enc_get(string);
  if (encoding == rb_utf8_encoding() || encoding == rb_ascii8bit_encoding() || encoding == rb_usascii_encoding()) {
    return string;
  }
  return rb_str_export_to_enc(string, rb_utf8_encoding());
}

VALUE text_of(VALUE value) {
  if (RB_SYMBOL_P(value)) return in_utf8(rb_sym2str(value));
  return in_utf8(RB_TYPE_P(value, T_STRING) ? value : rb_obj_as_string(value));
}

FieldKind kind_of(VALUE value) {
  if (NIL_P(value)) return FieldKind::nothing;
  if (value == Qtrue) return FieldKind::yes;
  if (value == Qfalse) return FieldKind::no;
  if (RB_INTEGER_TYPE_P(value)) return FieldKind::number;
  // JSON has no word for the others.
  if (RB_FLOAT_TYPE_P(value) && std::isfinite(RFLOAT_VALUE(value))) return FieldKind::number;
  return FieldKind::text;
}

int add_entry(VALUE key, VALUE value, VALUE argument) {
  auto& writer = *reinterpret_cast<FieldsWriter*>(argument);
  VALUE name = text_of(key);
  const FieldKind kind = kind_of(value);
  VALUE text = kind == FieldKind::text || kind == FieldKind::number ? text_of(value) : name;
  writer.add(kind, bytes_of(name), bytes_of(text));
  RB_GC_GUARD(name);
  RB_GC_GUARD(text);
  return ST_CONTINUE;
}

}  // namespace

void pack_fields(const Gvl&, VALUE hash, std::span<const std::string_view> reserved, std::string& out) {
  FieldsWriter writer{out, reserved};
  rb_hash_foreach(hash, add_entry, reinterpret_cast<VALUE>(&writer));
  writer.finish();
}

}  // namespace hyperion::ruby::rack
