#include "ruby/rack/stream.hpp"

#include <cerrno>

#include "ruby/convert.hpp"
#include "ruby/symbols.hpp"
#include "ruby/typed_data.hpp"

namespace hyperion::ruby::rack {
namespace {

using http::BodyPipe;
using http::Exchange;

VALUE stream_class = Qnil;

// The exchange is held until the stream is closed and the body's call has returned.
struct Stream {
  Exchange* exchange = nullptr;
  VALUE input = Qnil;
  bool write_closed = false;
  bool read_closed = false;
  bool in_call = true;

  Stream() noexcept = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  // Collected without having been closed: the response ends here.
  ~Stream() {
    in_call = false;
    finish(true);
  }

  void finish(bool complete) noexcept {
    if (exchange == nullptr) return;
    if (!write_closed) {
      write_closed = true;
      exchange->pipe->finish(complete);
    }
    if (in_call) return;
    std::exchange(exchange, nullptr)->signal(Exchange::kReleased);
  }
};

struct StreamTraits {
  static constexpr const char* name = "Hyperion::ResponseStream";
  static void mark(const Stream& stream) { rb_gc_mark(stream.input); }
};
using StreamData = TypedData<Stream, StreamTraits>;
using Arguments = std::span<const VALUE>;

Stream& writable(const Gvl& gvl, VALUE self) {
  Stream& stream = StreamData::of(gvl, self);
  if (stream.exchange == nullptr || stream.write_closed) throw Raise{rb_eIOError, "not opened for writing"};
  return stream;
}

void write_value(const Gvl& gvl, VALUE self, VALUE value) {
  Exchange& exchange = *writable(gvl, self).exchange;
  bool alive = true;
  checked(gvl, [&] {
    if (!RB_TYPE_P(value, T_STRING)) value = rb_funcall(value, ids.to_s, 0);
    alive = write_piece(gvl, exchange, value);
  });
  if (!alive) throw RaiseErrno{EPIPE, "the client has closed the connection"};
}

VALUE write(const Gvl& gvl, VALUE self, Arguments arguments) {
  uint64_t written = 0;
  for (VALUE value : arguments) {
    write_value(gvl, self, value);
    if (RB_TYPE_P(value, T_STRING)) written += static_cast<uint64_t>(RSTRING_LEN(value));
  }
  return ULL2NUM(written);
}

VALUE append(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  write_value(gvl, self, arguments[0]);
  return self;
}

// Every write is on its way at once.
VALUE flush(const Gvl&, VALUE self, Arguments) { return self; }

VALUE read(const Gvl& gvl, VALUE self, Arguments arguments) {
  const Stream& stream = StreamData::of(gvl, self);
  if (stream.read_closed) throw Raise{rb_eIOError, "not opened for reading"};
  VALUE got = Qnil;
  const VALUE input = stream.input;
  checked(gvl, [&] {
    got = rb_funcallv(input, rb_intern("read"), static_cast<int>(arguments.size()), arguments.data());
  });
  return got;
}

VALUE close_write(const Gvl& gvl, VALUE self, Arguments) {
  StreamData::of(gvl, self).finish(true);
  return Qnil;
}

VALUE close_read(const Gvl& gvl, VALUE self, Arguments) {
  StreamData::of(gvl, self).read_closed = true;
  return Qnil;
}

VALUE close(const Gvl& gvl, VALUE self, Arguments) {
  Stream& stream = StreamData::of(gvl, self);
  stream.read_closed = true;
  stream.finish(true);
  return Qnil;
}

VALUE is_closed(const Gvl& gvl, VALUE self, Arguments) {
  const Stream& stream = StreamData::of(gvl, self);
  return stream.write_closed && stream.read_closed ? Qtrue : Qfalse;
}

}  // namespace

bool write_piece(const Gvl& gvl, Exchange& exchange, VALUE string) {
  BodyPipe& pipe = *exchange.pipe;
  switch (pipe.try_write(bytes_of(string))) {
    case BodyPipe::Outcome::accepted: return true;
    case BodyPipe::Outcome::closed: return false;
    case BodyPipe::Outcome::full:
    case BodyPipe::Outcome::interrupted:
    case BodyPipe::Outcome::failed: break;
  }
  // A frozen twin shares the bytes, so nobody changes them while the lock is away.
  VALUE frozen = rb_str_new_frozen(string);
  std::string_view rest = bytes_of(frozen);
  auto work = [&](const NoGvl&) noexcept {
    const BodyPipe::Outcome outcome = pipe.write(rest);
    if (outcome == BodyPipe::Outcome::interrupted) pipe.clear_interrupt();
    return outcome;
  };
  auto unblock = [&]() noexcept { pipe.interrupt(); };
  while (true) {
    const auto outcome = Boundary::without_gvl(gvl, work, unblock);
    if (outcome == BodyPipe::Outcome::accepted) return true;
    if (outcome == BodyPipe::Outcome::closed) return false;
    if (outcome == BodyPipe::Outcome::failed) rb_syserr_fail(errno, "the response could not be stored");
    rb_thread_check_ints();
    RB_GC_GUARD(frozen);
  }
}

VALUE make_stream(const Gvl&, Exchange& exchange, VALUE input) {
  const VALUE object = StreamData::allocate(stream_class);
  Stream& stream = StreamData::trusted(object);
  stream.exchange = &exchange;
  stream.input = input;
  return object;
}

void leave_stream(const Gvl&, VALUE object, bool failed) noexcept {
  Stream& stream = StreamData::trusted(object);
  stream.in_call = false;
  if (failed) {
    stream.read_closed = true;
    stream.finish(false);
  } else if (stream.write_closed) {
    stream.finish(true);
  }
}

void define_stream(VALUE hyperion) {
  stream_class = rb_define_class_under(hyperion, "ResponseStream", rb_cObject);
  rb_gc_register_address(&stream_class);
  rb_undef_alloc_func(stream_class);
  rb_define_method(stream_class, "write", entry<write>, -1);
  rb_define_method(stream_class, "<<", entry<append>, -1);
  rb_define_method(stream_class, "flush", entry<flush>, -1);
  rb_define_method(stream_class, "read", entry<read>, -1);
  rb_define_method(stream_class, "close", entry<close>, -1);
  rb_define_method(stream_class, "close_read", entry<close_read>, -1);
  rb_define_method(stream_class, "close_write", entry<close_write>, -1);
  rb_define_method(stream_class, "closed?", entry<is_closed>, -1);
}

}  // namespace hyperion::ruby::rack
