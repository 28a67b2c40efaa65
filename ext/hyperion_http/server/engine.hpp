// The whole native server: listeners, I/O threads, file pool and log, around a dispatcher that somebody else provides.
// Several live in one process without sharing anything. Made, started and stopped by one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "net/listener.hpp"
#include "observe/area.hpp"
#include "observe/log.hpp"
#include "serve/responder.hpp"
#include "server/dispatcher.hpp"
#include "server/file_pool.hpp"
#include "server/io_worker.hpp"
#include "server/note_queue.hpp"
#include "server/options.hpp"

namespace hyperion::server {

class Engine {
 public:
  Engine(Options options, Dispatcher& dispatcher);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Before start.
  base::Status listen_tcp(std::string_view host, uint16_t port);
  base::Status listen_unix(std::string_view path, int mode);
  base::Status listen_inherited(int fd, bool ours);
  // The admin paths' own: open until the rest has drained.
  base::Status listen_admin(std::string_view host, uint16_t port);
  // Asked in order, before the dispatcher; they outlive the engine.
  void add_responder(serve::Responder& responder) { responders_.push_back(&responder); }

  base::Status start();
  // Before drain and stop: a copy of each listener's socket, in order, for the process that comes after this one.
  // Connections that this engine does not accept any more wait there. All or none: after an error nothing has changed.
  base::Result<std::vector<base::UniqueFd>> hand_on();
  // No new connections; what was accepted is served, and its connections end. Returns at once.
  void drain() noexcept;
  // True when nothing is left. False when `patience` is over first, or interrupt_wait was called.
  bool wait_drained(base::Duration patience) noexcept;
  // Any thread; sticky for one wait.
  void interrupt_wait() noexcept;
  // Ends every thread, whatever is under way, and closes every connection and listener. The exchanges that somebody
  // still holds stay valid until the engine is destroyed.
  void stop() noexcept;

  // After stop: exchanges whose answerer has not released them.
  size_t exchanges_held() noexcept;

  // "epoll" or "io_uring"; empty before start.
  std::string_view loop_name() const noexcept {
    return workers_.empty() ? std::string_view{} : workers_.front()->loop().name();
  }
  const Options& options() const noexcept { return options_; }
  const std::vector<net::Listener>& listeners() const noexcept { return listeners_; }
  observe::Log& log() noexcept { return log_; }
  const observe::Log& log() const noexcept { return log_; }
  // Every number of this server. Any thread.
  const observe::Area& area() const noexcept { return area_.get(); }
  bool draining() const noexcept;
  // Native answers whose hooks are still to run.
  NoteQueue& notes() noexcept { return notes_; }
  const NoteQueue& notes() const noexcept { return notes_; }
  const std::vector<std::unique_ptr<IoWorker>>& workers() const noexcept { return workers_; }

 private:
  bool all_drained() const noexcept;

  const Options options_;
  Dispatcher& dispatcher_;
  observe::Log log_;
  FilePool files_;
  observe::PrivateArea area_;
  NoteQueue notes_;
  std::vector<net::Listener> listeners_;
  std::vector<serve::Responder*> responders_;
  Admission admission_;
  std::vector<std::unique_ptr<IoWorker>> workers_;
  std::atomic<unsigned> accepting_{0};  // I/O threads
  base::UniqueFd reserve_;              // for the last of the backlogs
  std::mutex mutex_;                    // guards interrupted_ and the condition
  std::condition_variable changed_;
  bool interrupted_ = false;
  bool started_ = false;
};

}  // namespace hyperion::server
