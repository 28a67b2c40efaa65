// The way of a response body whose length is not known at once, from the thread that produces it to the I/O thread.
// Bounded: memory first; then, where allowed, a ring in an unlinked file; only then does the producer wait. A file that
// cannot be made or written is as good as full.
//
//   producer --write--> [ memory ] [ file ring ] --take--> output queue
//                         <= memory   <= spill
//
// While the ring holds bytes everything new goes behind them, so the order is kept.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "buffer/file_range.hpp"

namespace hyperion::http {

class BodyPipe {
 public:
  struct Bounds {
    uint64_t memory;
    uint64_t spill;  // 0: never to a file
  };

  enum class Outcome : uint8_t {
    accepted,
    full,         // nothing was taken: `write` would use the file or wait
    closed,       // the consumer wants no more: the client is gone
    interrupted,  // interrupt() was called
  };

  // Called on the producer's thread when there is something new to take.
  struct Notify {
    void (*call)(void* object) noexcept;
    void* object;
  };

  BodyPipe(Bounds bounds, Notify notify) noexcept : bounds_(bounds), notify_(notify) {}
  BodyPipe(const BodyPipe&) = delete;
  BodyPipe& operator=(const BodyPipe&) = delete;

  // --- Producer: one thread at a time ---

  // Never blocks: memory only. Takes all of `bytes` or none.
  Outcome try_write(std::string_view bytes) noexcept;
  // May block on the disk and until there is room. Takes from the front of `rest`, which is empty when `accepted`.
  Outcome write(std::string_view& rest) noexcept;
  // No more bytes follow. `complete` false: the body was cut off, so the message must not look complete.
  void finish(bool complete) noexcept;
  // Any thread: the current or the next wait of `write` returns `interrupted`. Sticky until clear_interrupt.
  void interrupt() noexcept;
  void clear_interrupt() noexcept;

  // --- Consumer: the I/O thread ---

  struct Portion {
    std::string memory;
    buffer::FileRange file;  // comes after the memory
    bool finished = false;   // nothing follows these bytes
    bool complete = false;   // of a finished one: the producer said so
    int file_error = 0;      // errno: from now on the file is not used; told once
  };
  // Moves out what is there; at most `file_limit` bytes of the file.
  Portion take(uint64_t file_limit) noexcept;
  // `size` bytes of file ranges are needed no longer: their room in the ring is free.
  void release_file(uint64_t size) noexcept;
  // The consumer wants no more; producers are told.
  void close() noexcept;

 private:
  bool empty() const noexcept { return memory_.empty() && written_ == taken_; }
  uint64_t memory_room() const noexcept;
  uint64_t file_room() const noexcept { return file_failed_ ? 0 : bounds_.spill - (written_ - released_); }
  base::Status open_file() noexcept;
  // Without the lock: only the producer moves written_, and the consumer never touches free room.
  base::Result<uint64_t> write_file(std::string_view bytes) noexcept;

  const Bounds bounds_;
  const Notify notify_;
  std::mutex mutex_;  // guards everything below
  std::condition_variable room_;
  std::string memory_;
  buffer::SharedFd file_;
  uint64_t written_ = 0;  // totals of the ring
  uint64_t taken_ = 0;
  uint64_t released_ = 0;
  int file_error_ = 0;  // not told yet
  bool file_failed_ = false;
  bool finished_ = false;
  bool complete_ = false;
  bool closed_ = false;
  bool interrupted_ = false;
};

}  // namespace hyperion::http
