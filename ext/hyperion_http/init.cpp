// What Ruby calls when it loads the extension: names each class, nothing else.
#include "base/fork_guard.hpp"
#include "ruby/classes/engine.hpp"
#include "ruby/classes/metrics.hpp"
#include "ruby/classes/process_end.hpp"
#include "ruby/classes/route_table.hpp"
#include "ruby/classes/runtime.hpp"
#include "ruby/rack/hijack.hpp"
#include "ruby/rack/input.hpp"
#include "ruby/rack/response.hpp"
#include "ruby/rack/stream.hpp"
#include "ruby/symbols.hpp"

extern "C" __attribute__((visibility("default"))) void Init_hyperion_http() {
  namespace ruby = hyperion::ruby;
  hyperion::base::install_fork_guard();
  ruby::init_symbols();
  const VALUE module = rb_define_module("Hyperion");
  ruby::rack::define_response(module);
  ruby::rack::define_input(module);
  ruby::rack::define_stream(module);
  ruby::rack::define_hijack(module);
  ruby::define_route_table(module);
  ruby::define_runtime(module);
  ruby::define_metrics(module);
  ruby::define_engine(module);
  ruby::define_process_end(module);
}
