// Where request work crosses into Ruby: one exchange at a time, from the queue to Hyperion::Adapter::Rack and back.
#pragma once

#include "observe/log.hpp"
#include "ruby/rack/context.hpp"
#include "server/app_queue.hpp"

namespace hyperion::ruby::rack {

// The bounds of the pool, and how its supervisor is told that a thread more would help. See lib/hyperion/server.
struct Pool {
  server::AppQueue& queue;
  observe::Log& log;
  int least;
  int most;
  base::Duration idle_patience;
  void (*want_thread)(void* object) noexcept;
  void* object;
  // Of the calling thread.
  unsigned number;
};

enum class Leave : uint8_t {
  closed,  // the queue is closed and empty
  idle,    // one thread of several, with nothing to do for a while
};

// The life of an app thread: serves until it should end. Jumps out when the thread is killed, and in a forked child.
Leave serve_exchanges(const Gvl& gvl, Context& context, Pool& pool);

}  // namespace hyperion::ruby::rack
