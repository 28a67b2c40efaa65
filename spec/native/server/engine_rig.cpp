#include "server/engine_rig.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/temporary_file.hpp"

namespace hyperion::test {
namespace {

std::string contents(int fd, uint64_t size) {
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(done));
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace

std::string Call::body() const {
  const http::RequestBody& body = exchange.request.body;
  std::string bytes = body.file ? contents(body.file.get(), body.file_size) : std::string{};
  return bytes + body.memory;
}

void Call::respond(int status, std::string bytes) {
  exchange.response.status = status;
  exchange.response.bytes = std::move(bytes);
}

http::BodyPipe& Call::open_stream(const http::Limits& limits, bool spill, bool hold_head) {
  exchange.response.body = http::Response::Body::stream;
  exchange.response.hold_head = hold_head;
  http::BodyPipe& pipe = exchange.open_pipe(limits, spill);
  answer();
  return pipe;
}

bool Call::write(std::string_view bytes) { return exchange.pipe->write(bytes) == http::BodyPipe::Outcome::accepted; }

void Call::answer() {
  answered_ = true;
  exchange.signal(Exchange::kAnswered);
}

FakeApp::FakeApp(unsigned threads, Handler handler) : handler_(std::move(handler)), free_(threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void FakeApp::dispatch(server::ExchangeChain&& exchanges) noexcept {
  if (Witness* there = witness) there->dispatched();
  const std::lock_guard lock{mutex_};
  waiting_.push(std::move(exchanges));
  changed_.notify_all();
}

void FakeApp::turn_ended(bool /*sleeping*/) noexcept {
  if (Witness* there = witness) there->turn_ended();
}

void FakeApp::overdue(const Exchange& /*exchange*/, bool hard) noexcept { ++(hard ? overdue_ones : slow); }

int64_t FakeApp::pending() const noexcept {
  const std::lock_guard lock{mutex_};
  return static_cast<int64_t>(waiting_.size()) - free_;
}

void FakeApp::close() {
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void FakeApp::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    Exchange* exchange = waiting_.pop();
    if (exchange == nullptr) return;
    --free_;
    lock.unlock();
    exchange->taken = base::now();
    const bool mine = exchange->stage != Exchange::Stage::request || exchange->claim();
    Call call{*exchange};
    if (mine) handler_(call);
    if (!mine) {
      exchange->signal(Exchange::kReleased);
    } else if (!call.kept()) {
      // What is signalled last may end the exchange for us.
      const bool answers = !call.answered() && !call.follow_up();
      exchange->signal((answers ? uint32_t{Exchange::kAnswered} : 0U) | Exchange::kReleased);
    }
    lock.lock();
    ++free_;
  }
}

LogFile::LogFile() : fd_(std::move(base::open_temporary_file()).value()) {}

std::string LogFile::text() const {
  struct stat status {};
  ::fstat(fd_.get(), &status);
  return contents(fd_.get(), static_cast<uint64_t>(status.st_size));
}

server::Options calm_options() {
  server::Options options;
  options.log.level = observe::Level::debug;
  // These tests run once for each loop; main.cpp sees to it that one that does not work here is not asked for.
  const char* loop = std::getenv("HYPERION_LOOP");
  options.loop = loop == nullptr ? net::LoopWish::epoll : net::loop_wish(loop);
  return options;
}

TestServer::TestServer(Handler handler, server::Options options, unsigned app_threads,
                       std::vector<serve::Responder*> responders)
    : app(app_threads, std::move(handler)),
      engine(
          [&] {
            options.log.out_fd = options.log.error_fd = log.fd();
            return options;
          }(),
          app) {
  for (serve::Responder* responder : responders) engine.add_responder(*responder);
  auto listening = engine.listen_tcp("127.0.0.1", 0);
  auto started = listening.ok() ? engine.start() : listening;
  if (!started) {
    std::fprintf(stderr, "no test server: %s\n", base::describe(started.error()).c_str());
    std::abort();
  }
  port = engine.listeners().front().port();
}

void TestServer::stop() {
  engine.stop();
  app.close();
}

uint64_t TestServer::sum(observe::Counter observe::Counters::*which) const {
  uint64_t total = 0;
  for (const auto& worker : engine.workers()) total += (worker->counters().*which).get();
  return total;
}

std::string post(std::string_view path, std::string_view body) {
  std::string text = "POST " + std::string{path} + " HTTP/1.1\r\nHost: test\r\nContent-Length: ";
  text += std::to_string(body.size());
  text += "\r\n\r\n";
  return text += body;
}

}  // namespace hyperion::test
