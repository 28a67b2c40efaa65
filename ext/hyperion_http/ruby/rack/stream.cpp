#include "ruby/rack/stream.hpp"

#include <cerrno>
#include <utility>

#include "ruby/convert.hpp"
#include "ruby/rack/response.hpp"
#include "ruby/symbols.hpp"
#include "ruby/typed_data.hpp"

namespace hyperion::ruby::rack {
namespace {

using http::BodyPipe;
using http::Exchange;
using Arguments = std::span<const VALUE>;

enum class Written : uint8_t {
  whole,
  gone,     // the client left
  stopped,  // `stop` became true
};

bool try_to_write(Exchange& exchange, VALUE string, Written& written) noexcept {
  const BodyPipe::Outcome outcome = exchange.pipe->try_write(bytes_of(string));
  written = outcome == BodyPipe::Outcome::closed ? Written::gone : Written::whole;
  return outcome == BodyPipe::Outcome::accepted || outcome == BodyPipe::Outcome::closed;
}

// Waits for room. One thread at a time. Interrupts are served, so this may raise with a part of the String written.
Written wait_to_write(const Gvl& gvl, Exchange& exchange, VALUE string, const bool& stop) {
  BodyPipe& pipe = *exchange.pipe;
  // A frozen twin shares the bytes, so nobody changes them while the lock is away.
  VALUE frozen = rb_str_new_frozen(string);
  std::string_view rest = bytes_of(frozen);
  auto work = [&](const NoGvl&) noexcept {
    const BodyPipe::Outcome outcome = pipe.write(rest);
    if (outcome == BodyPipe::Outcome::interrupted) pipe.clear_interrupt();
    return outcome;
  };
  auto unblock = [&]() noexcept { pipe.interrupt(); };
  while (!stop) {
    const auto outcome = Boundary::without_gvl(gvl, work, unblock);
    if (outcome == BodyPipe::Outcome::accepted) return Written::whole;
    if (outcome == BodyPipe::Outcome::closed) return stop ? Written::stopped : Written::gone;
    if (!stop) rb_thread_check_ints();
    RB_GC_GUARD(frozen);
  }
  return Written::stopped;
}

// --- each ---

// What the block of `each` works on. A Ruby object, for a body may keep its block and call it when the request is over.
struct Sink {
  const Gvl* gvl = nullptr;
  Exchange* exchange = nullptr;  // null: over
  VALUE thread = Qnil;
  VALUE fiber = Qnil;
  bool gone = false;
};

struct SinkTraits {
  static constexpr const char* name = "Hyperion::BodySink";
  static void mark(const Sink& sink) {
    rb_gc_mark(sink.thread);
    rb_gc_mark(sink.fiber);
  }
};
using SinkData = TypedData<Sink, SinkTraits>;

VALUE sink_class = Qnil;

VALUE yield_piece(VALUE piece, VALUE object, int, const VALUE*, VALUE) {
  Sink& sink = SinkData::trusted(object);
  if (sink.exchange == nullptr) rb_raise(rb_eIOError, "the body yields after its each is over");
  if (rb_thread_current() != sink.thread) rb_raise(rb_eThreadError, "the body yields on another thread");
  bool stop = SinkData::foreign(object);
  if (!stop) {
    if (!RB_TYPE_P(piece, T_STRING)) {
      rb_raise(invalid_response, "response body yields %" PRIsVALUE ", not a String", rb_obj_class(piece));
    }
    auto written = Written::whole;
    if (!try_to_write(*sink.exchange, piece, written)) {
      written = wait_to_write(*sink.gvl, *sink.exchange, piece, stop);
    }
    stop = written != Written::whole;
  }
  if (!stop) return Qnil;
  sink.gone = true;
  // `break`: the body's ensure clauses run, its rescue clauses have nothing to report. Out of another fiber there is no
  // way to break.
  if (rb_fiber_current() == sink.fiber) rb_iter_break();
  rb_raise(client_disconnected, "the client has closed the connection");
}

// --- The stream of a callable body ---

VALUE stream_class = Qnil;

// The exchange is held until the stream is closed, the body's call has returned and no thread is in a write.
struct Stream {
  Exchange* exchange = nullptr;
  VALUE input = Qnil;
  VALUE turn = Qnil;  // a Mutex: one write waits, the others wait for it; made when needed
  int waiting = 0;
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
    release_when_free();
  }

  void finish(bool complete) noexcept {
    if (exchange == nullptr || write_closed) return;
    write_closed = true;
    exchange->pipe->finish(complete);
    if (waiting > 0) exchange->pipe->interrupt();
    release_when_free();
  }

  void release_when_free() noexcept {
    if (exchange == nullptr || !write_closed || in_call || waiting > 0) return;
    std::exchange(exchange, nullptr)->signal(Exchange::kReleased);
  }
};

struct StreamTraits {
  static constexpr const char* name = "Hyperion::ResponseStream";
  static void mark(const Stream& stream) {
    rb_gc_mark(stream.input);
    rb_gc_mark(stream.turn);
  }
};
using StreamData = TypedData<Stream, StreamTraits>;

// A write that has to wait.
struct Turn {
  const Gvl& gvl;
  Stream& stream;
  VALUE string;
  Written written = Written::stopped;
  bool mine = false;
};

VALUE take_turn(VALUE argument) {
  auto& turn = *reinterpret_cast<Turn*>(argument);
  rb_mutex_lock(turn.stream.turn);
  turn.mine = true;
  if (!turn.stream.write_closed) {
    turn.written = wait_to_write(turn.gvl, *turn.stream.exchange, turn.string, turn.stream.write_closed);
  }
  return Qnil;
}

VALUE end_turn(VALUE argument) {
  auto& turn = *reinterpret_cast<Turn*>(argument);
  --turn.stream.waiting;
  turn.stream.release_when_free();
  if (turn.mine) rb_mutex_unlock(turn.stream.turn);
  return Qnil;
}

void expect_writable(const Stream& stream) {
  if (stream.exchange != nullptr && !stream.write_closed) return;
  throw Raise{rb_eIOError, stream.read_closed ? "closed stream" : "not opened for writing"};
}

Stream& writable(const Gvl& gvl, VALUE self) {
  Stream& stream = StreamData::of(gvl, self);
  if (StreamData::foreign(self)) throw Raise{rb_eIOError, "the stream belongs to the parent process"};
  expect_writable(stream);
  return stream;
}

// Bytes written.
uint64_t write_value(const Gvl& gvl, VALUE self, VALUE value) {
  Stream& stream = writable(gvl, self);
  VALUE string = value;
  checked(gvl, [&string] { string = rb_obj_as_string(string); });
  expect_writable(stream);
  auto written = Written::whole;
  // Pieces stay whole and in order: nobody overtakes one that waits.
  if (stream.waiting > 0 || !try_to_write(*stream.exchange, string, written)) {
    Turn turn{gvl, stream, string};
    checked(gvl, [&turn] {
      if (NIL_P(turn.stream.turn)) turn.stream.turn = rb_mutex_new();
      ++turn.stream.waiting;
      rb_ensure(take_turn, reinterpret_cast<VALUE>(&turn), end_turn, reinterpret_cast<VALUE>(&turn));
    });
    written = turn.written;
  }
  if (written == Written::gone) throw RaiseErrno{EPIPE, "the client has closed the connection"};
  if (written == Written::stopped) throw Raise{rb_eIOError, "stream closed in another thread"};
  const auto size = static_cast<uint64_t>(RSTRING_LEN(string));
  RB_GC_GUARD(string);
  return size;
}

VALUE write(const Gvl& gvl, VALUE self, Arguments arguments) {
  uint64_t written = 0;
  for (VALUE value : arguments) written += write_value(gvl, self, value);
  return ULL2NUM(written);
}

VALUE append(const Gvl& gvl, VALUE self, Arguments arguments) {
  expect_arguments(arguments, 1, 1);
  (void)write_value(gvl, self, arguments[0]);
  return self;
}

// Every write is on its way at once.
VALUE flush(const Gvl&, VALUE self, Arguments) { return self; }

VALUE read(const Gvl& gvl, VALUE self, Arguments arguments) {
  const Stream& stream = StreamData::of(gvl, self);
  if (stream.read_closed) {
    throw Raise{rb_eIOError, stream.write_closed ? "closed stream" : "not opened for reading"};
  }
  VALUE got = Qnil;
  const VALUE input = stream.input;
  checked(gvl, [&] { got = rb_funcallv(input, ids.read, static_cast<int>(arguments.size()), arguments.data()); });
  return got;
}

void finish_own(VALUE self, Stream& stream) noexcept {
  if (!StreamData::foreign(self)) stream.finish(true);
}

VALUE close_write(const Gvl& gvl, VALUE self, Arguments) {
  finish_own(self, StreamData::of(gvl, self));
  return Qnil;
}

VALUE close_read(const Gvl& gvl, VALUE self, Arguments) {
  StreamData::of(gvl, self).read_closed = true;
  return Qnil;
}

VALUE close(const Gvl& gvl, VALUE self, Arguments) {
  Stream& stream = StreamData::of(gvl, self);
  stream.read_closed = true;
  finish_own(self, stream);
  return Qnil;
}

VALUE is_closed(const Gvl& gvl, VALUE self, Arguments) {
  const Stream& stream = StreamData::of(gvl, self);
  return stream.write_closed && stream.read_closed ? Qtrue : Qfalse;
}

struct Each {
  VALUE body;
  VALUE sink;
};

VALUE run_each(VALUE argument) {
  const auto& each = *reinterpret_cast<const Each*>(argument);
  return rb_block_call(each.body, ids.each, 0, nullptr, yield_piece, each.sink);
}

VALUE disarm_sink(VALUE argument) {
  SinkData::trusted(reinterpret_cast<const Each*>(argument)->sink).exchange = nullptr;
  return Qnil;
}

}  // namespace

bool write_each(const Gvl& gvl, Exchange& exchange, VALUE body) {
  Each each{.body = body, .sink = SinkData::allocate(sink_class)};
  Sink& sink = SinkData::trusted(each.sink);
  sink.gvl = &gvl;
  sink.exchange = &exchange;
  sink.thread = rb_thread_current();
  sink.fiber = rb_fiber_current();
  rb_ensure(run_each, reinterpret_cast<VALUE>(&each), disarm_sink, reinterpret_cast<VALUE>(&each));
  RB_GC_GUARD(each.sink);
  return !sink.gone;
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
  }
  stream.release_when_free();
}

void define_stream(VALUE hyperion) {
  sink_class = rb_define_class_under(hyperion, "BodySink", rb_cObject);
  rb_gc_register_address(&sink_class);
  rb_undef_alloc_func(sink_class);
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
