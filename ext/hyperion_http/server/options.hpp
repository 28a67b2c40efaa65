// What the engine is told when it is made. Numbers come from the one option table in lib/hyperion/config.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.hpp"
#include "http/limits.hpp"
#include "net/listener.hpp"
#include "net/loops.hpp"
#include "observe/log.hpp"
#include "observe/template_queue.hpp"
#include "server/note_queue.hpp"

namespace hyperion::server {

struct Options {
  http::Limits limits;
  net::ListenOptions listen;
  observe::LogSettings log;
  unsigned io_threads = 1;
  // Of the whole server; 0: no limit. Requests that wait for an app thread, over it 503. Connections, over it the
  // longest idle ones are closed, or the new one. Connections of one address (server/address_key).
  uint64_t max_pending = 0;
  uint64_t max_connections = 0;
  uint64_t max_connections_per_address = 0;
  // Requests of one connection that the application has in hand; further ones wait in the connection. 0: no limit.
  uint64_t max_in_flight_per_connection = 0;
  net::LoopWish loop = net::LoopWish::automatic;
  // Native threads for disk work that may block.
  unsigned file_threads = 2;
  // Whether hooks want to hear of native answers.
  NoteQueue::Wanted hooks_wanted;
  // Durations by path and the like; the counters are always there.
  bool metrics = true;
  // The user's way from paths to their shapes; null: observe/path_template.
  std::shared_ptr<observe::TemplateQueue> templater;
};

}  // namespace hyperion::server
