// Writes what happens on one I/O thread into its shard. The I/O thread's alone.
#pragma once

#include <optional>

#include "http/exchange.hpp"
#include "observe/area.hpp"
#include "observe/path_template.hpp"
#include "observe/template_cache.hpp"

namespace hyperion::observe {

class Recorder {
 public:
  // `timings`: durations and their labels, too, not counters alone. `theirs`: the user's templater, null: ours.
  Recorder(const Area& area, unsigned io_thread, bool timings, TemplateQueue* theirs);

  Counters& counters() noexcept { return shard_.counters; }

  // The connection's state has changed; `count`: there was, or will be, none.
  void moved(ConnectionState from, ConnectionState to) noexcept {
    if (from != ConnectionState::count) shard_.connections[static_cast<size_t>(from)].subtract();
    if (to != ConnectionState::count) shard_.connections[static_cast<size_t>(to)].add();
  }
  // Once per exchange, when its response is sent or lost. `status` as in the access log.
  void finished(const http::Exchange& exchange, int status, base::Instant now) noexcept;

 private:
  Paths::Id path_of(const http::Exchange& exchange, int status) noexcept;
  void record_answerer(const http::Exchange& exchange) noexcept;

  Shard& shard_;
  Paths& paths_;
  const bool timings_;
  PathTemplate template_;
  std::optional<TemplateCache> theirs_;
};

}  // namespace hyperion::observe
