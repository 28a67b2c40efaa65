// A few native threads for disk work that may block, so that no I/O thread ever waits for a disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "base/native_thread.hpp"
#include "base/result.hpp"
#include "http/exchange.hpp"

namespace hyperion::server {

class FilePool {
 public:
  explicit FilePool(unsigned threads) noexcept : most_(threads) {}
  ~FilePool() { stop(); }
  FilePool(const FilePool&) = delete;
  FilePool& operator=(const FilePool&) = delete;

  // I/O thread. Appends `bytes` to the exchange's body file, which is made if there is none yet; then signals kStored.
  // The file fields of the body belong to the pool until then.
  void store(http::Exchange& exchange, std::string bytes);
  // Ends the threads after the work under way; work not begun is dropped.
  void stop() noexcept;

 private:
  struct Job {
    http::Exchange* exchange;
    std::string bytes;
  };

  void run() noexcept;
  static void finish(Job job) noexcept;
  static int append(http::RequestBody& body, const std::string& bytes) noexcept;

  const unsigned most_;
  std::mutex mutex_;  // guards the rest
  std::condition_variable work_;
  std::deque<Job> jobs_;
  std::vector<base::NativeThread> threads_;
  unsigned idle_ = 0;
  bool stopping_ = false;
};

}  // namespace hyperion::server
