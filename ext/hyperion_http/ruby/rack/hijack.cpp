#include "ruby/rack/hijack.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/fork_guard.hpp"
#include "ruby/convert.hpp"
#include "ruby/rack/response.hpp"
#include "ruby/symbols.hpp"

namespace hyperion::ruby::rack {
namespace {

VALUE hijack_class = Qnil;
VALUE early_hints_class = Qnil;

// Both kinds of object hold nothing but the address of their frame, null once it is over.
constexpr rb_data_type_t kFrameType = {
    .wrap_struct_name = "Hyperion::Hijack",
    .function = {.dmark = nullptr, .dfree = nullptr, .dsize = nullptr, .dcompact = nullptr, .reserved = {}},
    .parent = nullptr,
    .data = nullptr,
    .flags = RUBY_TYPED_FREE_IMMEDIATELY,
};

Frame& armed_frame(const Gvl& gvl, VALUE self, const char* what) {
  void* frame = nullptr;
  checked(gvl, [&] { frame = rb_check_typeddata(self, &kFrameType); });
  if (frame == nullptr) throw Raise{rb_eIOError, std::string{what} + " after the request is over"};
  auto& armed = *static_cast<Frame*>(frame);
  if (armed.context.owner != base::fork_generation()) {
    throw Raise{rb_eIOError, std::string{what} + " in a forked process; the connection is the parent's"};
  }
  return armed;
}

// The IO owns the descriptor from the moment it exists.
VALUE socket_from(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const bool is_unix =
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 && address.ss_family == AF_UNIX;
  const VALUE klass = rb_path2class(is_unix ? "UNIXSocket" : "TCPSocket");
  const VALUE socket = rb_funcall(klass, ids.for_fd, 1, INT2NUM(fd));
  rb_funcall(socket, ids.set_sync, 1, Qtrue);
  return socket;
}

VALUE hijack(const Gvl& gvl, VALUE self, std::span<const VALUE> arguments) {
  expect_arguments(arguments, 0, 0);
  Frame& frame = armed_frame(gvl, self, "rack.hijack was called");
  if (frame.hijacked) throw Raise{rb_eIOError, "rack.hijack was called before"};
  frame.hijacked = true;
  VALUE socket = Qnil;
  ++frame.waiting;
  const Outcome outcome = protect(gvl, [&] {
    frame.exchange.signal(http::Exchange::kHijack);
    socket = receive_socket(gvl, frame.exchange);
    if (RB_TYPE_P(frame.env, T_HASH) && !OBJ_FROZEN(frame.env)) {
      rb_hash_aset(frame.env, literals.key_hijack_io, socket);
    }
  });
  --frame.waiting;
  if (!outcome.ok()) throw Jump{outcome.state()};
  return socket;
}

VALUE send_hints(const Gvl& gvl, VALUE self, std::span<const VALUE> arguments) {
  expect_arguments(arguments, 1, 1);
  constexpr const char* kWhat = "rack.early_hints was called";
  const bool rack_3 = armed_frame(gvl, self, kWhat).context.rack_3;
  http::Response hints;
  hints.status = 103;
  const VALUE headers = arguments[0];
  checked(gvl, [&] { read_headers(rack_3, headers, hints, nullptr); });
  // Not the frame of before: reading them runs the application's code, and the request may be over.
  Frame& frame = armed_frame(gvl, self, kWhat);
  frame.exchange.hints.push(std::move(hints.fields));
  frame.exchange.signal(http::Exchange::kHints);
  return Qnil;
}

}  // namespace

VALUE receive_socket(const Gvl& gvl, http::Exchange& exchange) {
  rb_require("socket");
  struct Parcel {
    int fd = -1;
    int error = 0;
    bool arrived = false;
  };
  auto work = [&](const NoGvl&) noexcept {
    Parcel parcel;
    auto result = exchange.handoff.wait();
    if (!result) return parcel;
    parcel.arrived = true;
    if (result->ok()) {
      parcel.fd = std::move(*result).value().release();
    } else {
      parcel.error = result->error().os_errno != 0 ? result->error().os_errno : ECONNRESET;
    }
    return parcel;
  };
  auto unblock = [&]() noexcept { exchange.handoff.interrupt(); };
  while (true) {
    // The I/O thread answers within milliseconds, whatever the client takes of what is sent before (a pair stands in
    // for its socket then); an interrupt that waits for this keeps the connection from being lost.
    const auto parcel = Boundary::without_gvl(gvl, work, unblock);
    if (!parcel || !parcel->arrived) {
      rb_thread_check_ints();
      continue;
    }
    if (parcel->fd < 0) rb_syserr_fail(parcel->error, "the client has closed the connection");
    return socket_from(parcel->fd);
  }
}

VALUE make_hijack(Frame& frame) { return TypedData_Wrap_Struct(hijack_class, &kFrameType, &frame); }

VALUE make_early_hints(Frame& frame) { return TypedData_Wrap_Struct(early_hints_class, &kFrameType, &frame); }

void disarm(VALUE object) noexcept {
  if (!NIL_P(object)) DATA_PTR(object) = nullptr;
}

void define_hijack(VALUE hyperion) {
  hijack_class = rb_define_class_under(hyperion, "Hijack", rb_cObject);
  rb_gc_register_address(&hijack_class);
  rb_undef_alloc_func(hijack_class);
  rb_define_method(hijack_class, "call", entry<hijack>, -1);
  early_hints_class = rb_define_class_under(hyperion, "EarlyHints", rb_cObject);
  rb_gc_register_address(&early_hints_class);
  rb_undef_alloc_func(early_hints_class);
  rb_define_method(early_hints_class, "call", entry<send_hints>, -1);
}

}  // namespace hyperion::ruby::rack
