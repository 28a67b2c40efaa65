// Ends this process when its stop takes too long: a native thread that needs no interpreter, so that neither an
// application thread that hangs in a native call, with Ruby's lock or without, nor an at_exit hook that never returns
// can keep the process alive. One per process, and only in a process whose business is to serve: see
// lib/hyperion/launcher.rb.
//
//                   TERM, INT                       deadline
//   at rest -----------------------------> counting ---------> a log line, _exit
//             QUIT, a late second INT: urgent, and little time is left
#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "observe/log_entry.hpp"

namespace hyperion::server::process_end {

struct Plan {
  // How long work in flight has; max(): for ever.
  base::Duration graceful;
  // How long the process has after that, or after an urgent signal: at_exit hooks, mostly.
  base::Duration last;
  // A repeated INT within so long of the first is the same wish (a terminal and a process manager both send it).
  base::Duration same_wish;
  int status = 1;
  // Of the line on standard error that says what happened.
  observe::Style style;
};

// Sees TERM, INT and QUIT before whoever handles them now, who is called afterwards. Call it when those handlers are in
// place, from one thread. Errors: os_error.
base::Status watch(const Plan& plan);
// The signals are left as they are, which is harmless; the thread ends.
void unwatch() noexcept;

// Any thread. A new deadline, in place of the one that counts.
void end_within(base::Duration patience) noexcept;
// A stop that no signal asked for: the graceful time-out begins, unless something counts already.
void stop_began() noexcept;
// QUIT came, or an INT a while after the first: whoever stops should not wait for anything.
bool urgent() noexcept;

}  // namespace hyperion::server::process_end
