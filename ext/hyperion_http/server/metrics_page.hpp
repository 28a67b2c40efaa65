// The numbers of one server as Prometheus' text: its area, its pool of app threads, and the user's own metrics. Any
// thread, without stopping anybody.
#pragma once

#include <string>

#include "observe/registry.hpp"
#include "server/engine.hpp"

namespace hyperion::server {

// The app threads, at a moment.
struct PoolFigures {
  uint64_t queue_depth = 0;
  unsigned threads = 0;
  unsigned busy = 0;
  unsigned most = 0;
};

// What the page says about the build.
struct PageFacts {
  std::string version;
  std::string ruby;
};

// `registry`: the user's metrics, null for none.
void append_metrics_page(std::string& out, const Engine& engine, const PoolFigures& pool, const PageFacts& facts,
                         const observe::Registry* registry);

}  // namespace hyperion::server
