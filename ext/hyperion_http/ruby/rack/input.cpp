#include "ruby/rack/input.hpp"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ruby/convert.hpp"
#include "ruby/symbols.hpp"
#include "ruby/typed_data.hpp"

namespace hyperion::ruby::rack {
namespace {

VALUE input_class = Qnil;

struct Input {
  http::RequestBody body;
  uint64_t position = 0;
  int readers = 0;  // that are reading without the lock
  bool closed = false;

  Input() noexcept = default;
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() { drop(); }

  // What is left to the collector costs memory or disk, and a descriptor: it should know, and come in time.
  void adopt(http::RequestBody&& from) {
    body = std::move(from);
    rb_gc_adjust_memory_usage(static_cast<ssize_t>(size()));
  }
  void drop() {
    if (size() > 0) rb_gc_adjust_memory_usage(-static_cast<ssize_t>(size()));
    body.clear();
  }

  uint64_t size() const noexcept { return body.file ? body.file_size : body.memory.size(); }
  uint64_t left() const noexcept { return size() - std::min(position, size()); }

  // Copies `count` bytes at `from`; false when the file could not be read (errno).
  bool copy(char* to, uint64_t from, size_t count) const noexcept {
    if (!body.file) {
      std::memcpy(to, body.memory.data() + from, count);
      return true;
    }
    while (count > 0) {
      const ssize_t got = ::pread(body.file.get(), to, count, static_cast<off_t>(from));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        if (got == 0) errno = EIO;
        return false;
      }
      to += got;
      from += static_cast<uint64_t>(got);
      count -= static_cast<size_t>(got);
    }
    return true;
  }

  // Where the first "\n" in [from, to) ends; `to` when there is none.
  uint64_t line_end(uint64_t from, uint64_t to) const noexcept {
    if (!body.file) {
      const char* begin = body.memory.data();
      const void* found = std::memchr(begin + from, '\n', to - from);
      return found == nullptr ? to : static_cast<uint64_t>(static_cast<const char*>(found) - begin) + 1;
    }
    char block[8192];
    while (from < to) {
      const auto count = static_cast<size_t>(std::min<uint64_t>(sizeof block, to - from));
      if (!copy(block, from, count)) return to;
      if (const void* found = std::memchr(block, '\n', count)) {
        return from + static_cast<uint64_t>(static_cast<const char*>(found) - block) + 1;
      }
      from += count;
    }
    return to;
  }
};

struct InputTraits {
  static constexpr const char* name = "Hyperion::RequestInput";
};
using InputData = TypedData<Input, InputTraits>;

using Arguments = std::span<const VALUE>;

// Without the lock beyond this: reading a large body from a file or memory is nobody else's waste of time.
constexpr size_t kLargeRead = 64 * 1024;
constexpr uint64_t kNearLine = 16 * 1024;

Input& open_input(const Gvl& gvl, VALUE self) {
  Input& input = InputData::of(gvl, self);
  if (input.closed) throw Raise{rb_eIOError, "closed stream"};
  return input;
}

// Runs `work()` without the lock. Whoever closes the input meanwhile leaves the bytes to the last reader.
template <class Work>
auto apart(const Gvl& gvl, Input& input, Work work) noexcept {
  ++input.readers;
  auto outside = [&](const NoGvl&) noexcept { return work(); };
  auto unblock = []() noexcept {};
  auto value = Boundary::without_gvl(gvl, outside, unblock);
  const auto result = value ? *value : work();  // an interrupt is pending, and is served later
  if (--input.readers == 0 && input.closed) input.drop();
  return result;
}

// A String of `count` bytes from the current position; into `buffer` when it is one. Moves the position.
VALUE take(const Gvl& gvl, Input& input, size_t count, VALUE buffer) {
  VALUE string = buffer;
  checked(gvl, [&string, count] {
    if (NIL_P(string)) {
      string = rb_str_new(nullptr, static_cast<long>(count));
    } else {
      Check_Type(string, T_STRING);
      rb_str_modify(string);
      rb_str_resize(string, static_cast<long>(count));
      rb_enc_associate(string, rb_ascii8bit_encoding());
    }
  });
  char* to = RSTRING_PTR(string);
  const uint64_t from = input.position;
  bool ok = true;
  if (count < kLargeRead || !NIL_P(buffer)) {
    ok = input.copy(to, from, count);
  } else {
    // Nobody else knows the new String yet, and the body never changes.
    ok = apart(gvl, input, [&]() noexcept { return input.copy(to, from, count); });
  }
  if (!ok) throw RaiseErrno{errno, "request body"};
  input.position = from + count;
  RB_GC_GUARD(string);
  return string;
}

VALUE read(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 2);
  Input& input = open_input(gvl, self);
  const VALUE length = arguments.empty() ? Qnil : arguments[0];
  const VALUE buffer = arguments.size() < 2 ? Qnil : arguments[1];
  if (NIL_P(length)) return take(gvl, input, static_cast<size_t>(input.left()), buffer);
  const int64_t wanted = to_i64(gvl, length);
  if (wanted < 0) throw Raise{rb_eArgError, "negative length " + std::to_string(wanted) + " given"};
  const uint64_t count = std::min<uint64_t>(static_cast<uint64_t>(wanted), input.left());
  if (count == 0 && wanted > 0) {
    if (!NIL_P(buffer)) (void)take(gvl, input, 0, buffer);
    return Qnil;
  }
  return take(gvl, input, static_cast<size_t>(count), buffer);
}

VALUE readpartial(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 2);
  const VALUE got = read(gvl, self, arguments);
  if (NIL_P(got)) throw Raise{rb_eEOFError, "end of file reached"};
  return got;
}

VALUE next_line(const Gvl& gvl, Input& input) {
  if (input.left() == 0) return Qnil;
  // Most lines are short; a giant one is looked for without the lock.
  const uint64_t begin = input.position;
  const uint64_t near = begin + std::min<uint64_t>(input.left(), kNearLine);
  const uint64_t size = input.size();
  uint64_t end = input.line_end(begin, near);
  if (end == near && near < size) {
    end = apart(gvl, input, [&, from = near]() noexcept { return input.line_end(from - 1, size); });
  }
  if (input.closed) throw Raise{rb_eIOError, "closed stream"};
  input.position = begin;
  return take(gvl, input, static_cast<size_t>(end - begin), Qnil);
}

VALUE gets(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return next_line(gvl, open_input(gvl, self));
}

VALUE each(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  if (rb_block_given_p() == 0) {
    VALUE enumerator = Qnil;
    checked(gvl, [&] { enumerator = rb_enumeratorize(self, ID2SYM(ids.each), 0, nullptr); });
    return enumerator;
  }
  while (true) {
    const VALUE line = next_line(gvl, open_input(gvl, self));
    if (NIL_P(line)) return self;
    checked(gvl, [line] { rb_yield(line); });
  }
}

VALUE rewind(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  open_input(gvl, self).position = 0;
  return INT2FIX(0);
}

VALUE seek(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  Input& input = open_input(gvl, self);
  const int64_t to = to_i64(gvl, arguments[0]);
  if (to < 0) throw RaiseErrno{EINVAL, "request body"};
  input.position = std::min<uint64_t>(static_cast<uint64_t>(to), input.size());
  return INT2FIX(0);
}

VALUE position(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return ULL2NUM(open_input(gvl, self).position);
}

VALUE size(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return ULL2NUM(InputData::of(gvl, self).size());
}

VALUE at_end(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return open_input(gvl, self).left() == 0 ? Qtrue : Qfalse;
}

VALUE close(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  Input& input = InputData::of(gvl, self);
  if (input.size() == 0) return Qnil;  // the empty one is everybody's
  input.closed = true;
  if (input.readers == 0) input.drop();
  return Qnil;
}

VALUE is_closed(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 0, 0);
  return InputData::of(gvl, self).closed ? Qtrue : Qfalse;
}

VALUE binmode(const Gvl&, VALUE self, Arguments) { return self; }

VALUE external_encoding(const Gvl& gvl, VALUE, Arguments) {
  VALUE encoding = Qnil;
  checked(gvl, [&] { encoding = rb_enc_from_encoding(rb_ascii8bit_encoding()); });
  return encoding;
}

}  // namespace

VALUE make_input(const Gvl&, http::RequestBody&& body) {
  const VALUE input = InputData::allocate(input_class);
  InputData::trusted(input).adopt(std::move(body));
  return input;
}

VALUE make_empty_input(const Gvl&) { return rb_obj_freeze(InputData::allocate(input_class)); }

void define_input(VALUE hyperion) {
  input_class = rb_define_class_under(hyperion, "RequestInput", rb_cObject);
  rb_gc_register_address(&input_class);
  rb_undef_alloc_func(input_class);
  rb_define_method(input_class, "read", entry<read>, -1);
  rb_define_method(input_class, "readpartial", entry<readpartial>, -1);
  rb_define_method(input_class, "gets", entry<gets>, -1);
  rb_define_method(input_class, "each", entry<each>, -1);
  rb_define_method(input_class, "rewind", entry<rewind>, -1);
  rb_define_method(input_class, "seek", entry<seek>, -1);
  rb_define_method(input_class, "pos", entry<position>, -1);
  rb_define_method(input_class, "size", entry<size>, -1);
  rb_define_method(input_class, "eof?", entry<at_end>, -1);
  rb_define_method(input_class, "close", entry<close>, -1);
  rb_define_method(input_class, "closed?", entry<is_closed>, -1);
  rb_define_method(input_class, "binmode", entry<binmode>, -1);
  rb_define_method(input_class, "external_encoding", entry<external_encoding>, -1);
}

}  // namespace hyperion::ruby::rack
