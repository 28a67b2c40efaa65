// A whole engine for a test: an application of plain C++ threads behind the door, a log that can be read, a port.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/engine.hpp"
#include "support/sockets.hpp"
#include "support/waiting.hpp"

namespace hyperion::test {

using http::Exchange;
using std::chrono::milliseconds;

// One exchange in the application's hands.
class Call {
 public:
  explicit Call(Exchange& it) : exchange(it) {}

  Exchange& exchange;

  std::string_view method() const { return exchange.request.view(exchange.request.method_name); }
  std::string_view path() const { return exchange.request.view(exchange.request.path); }
  // The body, wherever it is.
  std::string body() const;
  bool follow_up() const { return exchange.stage == Exchange::Stage::follow_up; }

  void respond(int status, std::string bytes);
  // A body through the pipe: the head is answered at once, then write, then finish.
  http::BodyPipe& open_stream(const http::Limits& limits, bool spill, bool hold_head = false);
  // False: the client is gone.
  bool write(std::string_view bytes);
  // Tells the I/O thread; afterwards the response is not touched. Happens by itself when the handler returns.
  void answer();
  // The handler's exchange is kept by somebody else, who signals kReleased.
  void keep() { kept_ = true; }
  bool answered() const { return answered_; }
  bool kept() const { return kept_; }

 private:
  bool answered_ = false;
  bool kept_ = false;
};

using Handler = std::function<void(Call&)>;

// The dispatcher: a queue and threads that wait for it.
class FakeApp final : public server::Dispatcher {
 public:
  // What the I/O thread tells the dispatcher, before anything comes of it; called on that thread.
  class Witness {
   public:
    virtual void dispatched() noexcept = 0;
    virtual void turn_ended() noexcept = 0;

   protected:
    ~Witness() = default;
  };

  FakeApp(unsigned threads, Handler handler);
  ~FakeApp() override { close(); }

  void dispatch(server::ExchangeChain&& exchanges) noexcept override;
  void overdue(const Exchange& exchange, bool hard) noexcept override;
  int64_t pending() const noexcept override;
  void turn_ended(bool sleeping) noexcept override;
  void awake() noexcept override {}
  void close();

  // Lives until the server has stopped.
  std::atomic<Witness*> witness{nullptr};
  // What the engine said of requests that take too long.
  std::atomic<int> slow{0};
  std::atomic<int> overdue_ones{0};

 private:
  void run();

  const Handler handler_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  server::ExchangeChain waiting_;
  int64_t free_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

// A file that the log is written to.
class LogFile {
 public:
  LogFile();
  int fd() const { return fd_.get(); }
  std::string text() const;
  bool has(std::string_view words) const { return text().find(words) != std::string::npos; }

 private:
  base::UniqueFd fd_;
};

// Limits that a test meets only when it means to. The event loop is the one that HYPERION_LOOP names.
server::Options calm_options();

class TestServer {
 public:
  explicit TestServer(Handler handler, server::Options options = calm_options(), unsigned app_threads = 2,
                      std::vector<serve::Responder*> responders = {});
  ~TestServer() { stop(); }

  void stop();
  Client client() const { return Client{port}; }
  // Bytes that may have been received of a client that is held up: what its session keeps and, over io_uring, what the
  // kernel had put into the ring's buffers (net::UringLoop::Sizes) before the receive was cancelled.
  uint64_t received_ahead() const noexcept { return 512 * 1024 + (engine.loop_name() == "io_uring" ? 4 << 20 : 0); }
  uint64_t sum(observe::Counter observe::Counters::*which) const;

  LogFile log;
  FakeApp app;
  server::Engine engine;
  uint16_t port = 0;
};

// Opens once, for threads that wait.
class Gate {
 public:
  void open() {
    const std::lock_guard lock{mutex_};
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

inline std::string get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string{path} + " HTTP/1.1\r\nHost: test\r\n" + std::string{fields} + "\r\n";
}
std::string post(std::string_view path, std::string_view body);

}  // namespace hyperion::test
