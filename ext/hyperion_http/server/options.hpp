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
