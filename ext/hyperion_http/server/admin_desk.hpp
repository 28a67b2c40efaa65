// What the admin paths know of and do with one server (serve/admin asks it), in atomics: the I/O thread waits for
// nobody.
#pragma once

#include <atomic>
#include <memory>

#include "serve/admin.hpp"
#include "server/app_queue.hpp"
#include "server/metrics_page.hpp"

namespace hyperion::server {

class AdminDesk final : public serve::AdminHost {
 public:
  // Told once that somebody wants the server to end. On an I/O thread; must not block.
  struct QuitListener {
    void (*quit)(void* object) noexcept;
    void* object;
  };

  AdminDesk(const Engine& engine, const AppQueue& queue, unsigned most_threads, PageFacts facts,
            std::shared_ptr<const observe::Registry> registry, QuitListener listener)
      : engine_(engine),
        queue_(queue),
        most_threads_(most_threads),
        facts_(std::move(facts)),
        registry_(std::move(registry)),
        listener_(listener) {}

  // The application is there, and threads for it.
  void open() noexcept { open_.store(true, std::memory_order_release); }

  Readiness readiness() const noexcept override;
  bool append_metrics(std::string& out) const noexcept override;
  void quit() noexcept override;

 private:
  const Engine& engine_;
  const AppQueue& queue_;
  const unsigned most_threads_;
  const PageFacts facts_;
  const std::shared_ptr<const observe::Registry> registry_;
  const QuitListener listener_;
  std::atomic<bool> open_{false};
  std::atomic<bool> quitting_{false};
};

}  // namespace hyperion::server
