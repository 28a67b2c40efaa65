#include "server/engine.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "net/loops.hpp"

namespace hyperion::server {

Engine::Engine(Options options, Dispatcher& dispatcher)
    : options_(std::move(options)),
      dispatcher_(dispatcher),
      log_(options_.log),
      files_(options_.file_threads),
      area_(std::max(1U, options_.io_threads)),
      notes_(options_.hooks_wanted),
      admission_(options_.max_connections, options_.max_connections_per_address) {}

Engine::~Engine() { stop(); }

base::Status Engine::listen_tcp(std::string_view host, uint16_t port) {
  auto made = net::Listener::tcp(host, port, options_.listen);
  if (!made) return made.error();
  for (net::Listener& listener : made.value()) listeners_.push_back(std::move(listener));
  return {};
}

base::Status Engine::listen_unix(std::string_view path, int mode) {
  auto made = net::Listener::unix_socket(path, mode, options_.listen);
  if (!made) return made.error();
  listeners_.push_back(std::move(made).value());
  return {};
}

base::Status Engine::listen_inherited(int fd, bool ours) {
  auto made = net::Listener::inherited(fd, ours);
  if (!made) return made.error();
  listeners_.push_back(std::move(made).value());
  return {};
}

base::Status Engine::listen_admin(std::string_view host, uint16_t port) {
  const size_t before = listeners_.size();
  if (auto status = listen_tcp(host, port); !status) return status;
  for (size_t i = before; i < listeners_.size(); ++i) listeners_[i].set_role(kAdminRole);
  return {};
}

base::Status Engine::start() {
  if (auto started = log_.start(); !started) return started;
  const IoWorker::Shared shared{.options = options_,
                                .dispatcher = dispatcher_,
                                .responders = responders_,
                                .listeners = listeners_,
                                .accepting = accepting_,
                                .reserve = reserve_,
                                .admission = admission_,
                                .files = files_,
                                .log = log_,
                                .area = area_.get(),
                                .notes = notes_,
                                .on_drained =
                                    [](void* self) noexcept {
                                      auto* engine = static_cast<Engine*>(self);
                                      const std::lock_guard lock{engine->mutex_};
                                      engine->changed_.notify_all();
                                    },
                                .object = this};
  started_ = true;
  reserve_ = base::UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  accepting_.store(std::max(1U, options_.io_threads));
  const net::LoopKind kind = net::choose_loop(options_.loop);
  for (unsigned i = 0; i < std::max(1U, options_.io_threads); ++i) {
    auto loop = net::make_loop(kind);
    if (!loop) return loop.error();
    workers_.push_back(std::make_unique<IoWorker>(shared, i, std::move(loop).value()));
  }
  for (auto& worker : workers_) {
    if (auto status = worker->start(); !status) return status;
  }
  return {};
}

base::Result<std::vector<base::UniqueFd>> Engine::hand_on() {
  std::vector<base::UniqueFd> copies;
  for (const net::Listener& listener : listeners_) {
    auto copy = listener.copy();
    if (!copy) return copy.error();
    copies.push_back(std::move(copy).value());
  }
  for (net::Listener& listener : listeners_) listener.handed_on();
  return copies;
}

void Engine::drain() noexcept {
  const std::lock_guard lock{mutex_};
  if (draining()) return;
  bool somebody_comes = false;
  for (net::Listener& listener : listeners_) {
    if (listener.role() != kAdminRole && listener.last_call()) somebody_comes = true;
  }
  for (auto& worker : workers_) worker->request_drain(somebody_comes);
}

bool Engine::draining() const noexcept {
  return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->drain_requested(); });
}

bool Engine::all_drained() const noexcept {
  return std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->drained(); });
}

bool Engine::wait_drained(base::Duration patience) noexcept {
  std::unique_lock lock{mutex_};
  const auto done = [&] { return interrupted_ || all_drained(); };
  if (patience == base::Duration::max()) {
    changed_.wait(lock, done);
  } else {
    changed_.wait_for(lock, patience, done);
  }
  interrupted_ = false;
  return all_drained();
}

void Engine::interrupt_wait() noexcept {
  const std::lock_guard lock{mutex_};
  interrupted_ = true;
  changed_.notify_all();
}

size_t Engine::exchanges_held() noexcept {
  size_t count = 0;
  for (const auto& worker : workers_) count += worker->exchanges_held();
  return count;
}

void Engine::stop() noexcept {
  if (!std::exchange(started_, false)) return;
  for (auto& worker : workers_) worker->request_stop();
  for (auto& worker : workers_) worker->join();
  files_.stop();
  listeners_.clear();
  reserve_.reset();
  log_.stop(std::chrono::seconds{1});
}

}  // namespace hyperion::server
