#include "server/file_pool.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/temporary_file.hpp"

namespace hyperion::server {

void FilePool::store(http::Exchange& exchange, std::string bytes) {
  std::unique_lock lock{mutex_};
  // Threads are made when first needed: most applications never see a large body.
  if (idle_ == 0 && threads_.size() < most_) {
    auto started = base::NativeThread::start("hyperion-file", [this] { run(); });
    if (started) threads_.push_back(std::move(started).value());
  }
  if (threads_.empty()) {
    // The system allows no thread: slower for everybody, but nobody hangs.
    lock.unlock();
    finish({&exchange, std::move(bytes)});
    return;
  }
  jobs_.push_back({&exchange, std::move(bytes)});
  work_.notify_one();
}

void FilePool::finish(Job job) noexcept {
  job.exchange->stored_error = append(job.exchange->request.body, job.bytes);
  job.exchange->signal(http::Exchange::kStored);
}

void FilePool::stop() noexcept {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    work_.notify_all();
  }
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void FilePool::run() noexcept {
  std::unique_lock lock{mutex_};
  while (true) {
    ++idle_;
    work_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    finish(std::move(job));
    lock.lock();
  }
}

int FilePool::append(http::RequestBody& body, const std::string& bytes) noexcept {
  if (!body.file) {
    auto opened = base::open_temporary_file();
    if (!opened) return opened.error().os_errno;
    body.file = std::move(opened).value();
  }
  size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t wrote =
        ::pwrite(body.file.get(), bytes.data() + written, bytes.size() - written, static_cast<off_t>(body.file_size));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    written += static_cast<size_t>(wrote);
    body.file_size += static_cast<uint64_t>(wrote);
  }
  return 0;
}

}  // namespace hyperion::server
