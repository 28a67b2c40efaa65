// Times what the environment of one request costs (ruby/rack/env), and counts the objects that it allocates: one for a
// load generator's request and one for a browser's. The collector runs in the time measured, as it does in a server.
// Built and started by bench/micro/env_builder.rb, with an interpreter of its own.
#include <ruby.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "http1/head_rules.hpp"
#include "http1/parser.hpp"
#include "ruby/convert.hpp"
#include "ruby/rack/context.hpp"
#include "ruby/rack/env.hpp"
#include "ruby/rack/hijack.hpp"
#include "ruby/rack/input.hpp"
#include "ruby/rack/response.hpp"
#include "ruby/rack/stream.hpp"
#include "ruby/symbols.hpp"

namespace hyperion::ruby::rack {
namespace {

constexpr std::string_view kSmall = "GET / HTTP/1.1\r\nHost: 127.0.0.1:9292\r\n\r\n";
constexpr std::string_view kBrowser =
    "GET /articles/42?page=2&sort=date HTTP/1.1\r\nHost: www.example.org\r\nConnection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\nsec-ch-ua: \"Chromium\";v=\"126\", \"Not.A/Brand\";v=\"24\"\r\nsec-ch-ua-mobile: "
    "?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n"
    "Referer: https://www.example.org/articles\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\nCookie: _session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n";

class NoMailbox final : public http::Mailbox {
 public:
  void post(http::Exchange&) noexcept override {}
};

uint64_t allocated() { return rb_gc_stat(ID2SYM(rb_intern("total_allocated_objects"))); }

void measure(const Gvl& gvl, Context& context, const char* name, std::string_view head, int rounds) {
  NoMailbox mailbox;
  http::Exchange exchange{mailbox};
  const http::Limits limits;
  http1::RequestParser parser{limits};
  if (parser.parse(head, exchange.request) != http1::Progress::complete ||
      http1::apply_head_rules(exchange.request, limits, parser.saw_underscore()) != base::ErrorCode::none) {
    std::abort();
  }
  constexpr std::string_view kAddress = "127.0.0.1";
  std::copy(kAddress.begin(), kAddress.end(), exchange.origin.address.begin());
  exchange.origin.address_size = kAddress.size();

  Frame frame{context, exchange};
  std::vector<double> nanos;
  uint64_t objects = 0;
  for (int repeat = 0; repeat < 7; ++repeat) {
    const uint64_t before = allocated();
    const base::Instant begin = base::now();
    for (int i = 0; i < rounds; ++i) {
      volatile VALUE env = build_env(gvl, context, exchange, make_hijack(frame));
      (void)env;
    }
    nanos.push_back(std::chrono::duration<double, std::nano>(base::now() - begin).count() / rounds);
    objects = allocated() - before;
  }
  std::sort(nanos.begin(), nanos.end());
  std::printf("%-8s %6.0f ns (best %.0f)  %5.2f objects\n", name, nanos[nanos.size() / 2], nanos.front(),
              static_cast<double>(objects) / rounds);
}

VALUE measure_env(const Gvl& gvl, VALUE self, std::span<const VALUE> arguments) {
  const int rounds = arguments.empty() ? 100000 : NUM2INT(arguments[0]);
  static Context context;
  context.rack_errors = rb_stderr;
  context.empty_input = make_empty_input(gvl);
  context.env_template = make_env_template(context, to_literal("hyperion"), true, false);
  // No engine object marks this context: it is kept whole for as long as the program runs.
  for (VALUE* kept : {&context.empty_input, &context.env_template, &context.host.value, &context.host_name,
                      &context.host_port, &context.remote.value}) {
    rb_gc_register_address(kept);
  }
  measure(gvl, context, "small", kSmall, rounds);
  measure(gvl, context, "browser", kBrowser, rounds);
  return self;
}

}  // namespace

void define_env_builder() {
  const VALUE module = rb_define_module("Hyperion");
  init_symbols();
  define_response(module);
  define_input(module);
  define_stream(module);
  define_hijack(module);
  rb_define_module_function(module, "measure_env", entry<measure_env>, -1);
}

}  // namespace hyperion::ruby::rack

extern "C" __attribute__((visibility("default"))) void Init_env_builder() {
  hyperion::ruby::rack::define_env_builder();
}
