// Descriptors that a forked child must not keep: it could hold a port or a client's connection open, or eat their
// events. The child's first act, before Ruby goes on, is to close them all.
#pragma once

namespace hyperion::base {

// Any thread; lock-free, so that a fork at any moment leaves a usable table. Descriptors beyond about a million are not
// tracked.
void guard_fd(int fd) noexcept;
void unguard_fd(int fd) noexcept;
// Once per process, before the first guard_fd. A child made by vfork or posix_spawn goes straight to exec, where
// close-on-exec does the same.
void install_fork_guard() noexcept;
// Another number in every forked descendant: what belongs to one process can tell that it is in another, without a
// system call.
unsigned fork_generation() noexcept;

}  // namespace hyperion::base
