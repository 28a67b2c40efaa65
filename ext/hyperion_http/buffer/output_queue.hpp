// What a connection still has to send, in order: pooled chunks, whole blocks owned elsewhere, file ranges.
// Three verbs: append, look (as iovecs or as a file range), drain. Not thread-safe: the I/O thread's alone.
//
//   head_ -> [chunk: head+small body] -> [block: 1 MiB String] -> [file 0..n] -> tail_
//            '- as_iovecs() stops at the first file range -'
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "buffer/chunk_pool.hpp"
#include "buffer/file_range.hpp"

namespace hyperion::buffer {

// Bytes that somebody else owns; `release` is called once on the I/O thread when they are no longer needed.
struct Block {
  const char* data = nullptr;
  size_t size = 0;
  void (*release)(void* owner) noexcept = nullptr;
  void* owner = nullptr;

  static Block own(std::string&& bytes);
};

class OutputQueue {
 public:
  explicit OutputQueue(ChunkPool& pool) noexcept : pool_(&pool) {}
  ~OutputQueue() { clear(); }
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;

  // Copies. Small neighbours share a chunk, so that a head and a short body leave in one segment.
  void append(std::string_view bytes);
  // Space for at most `size` bytes (<= Chunk::kCapacity) in one piece; call commit with what was used.
  char* prepare(size_t size);
  void commit(size_t used) noexcept;
  // Takes the block without copying it.
  void append(Block block);
  void append(FileRange range);

  bool empty() const noexcept { return head_ == nullptr; }
  uint64_t size() const noexcept { return appended_ - drained_; }
  // Totals since the beginning: an exchange is sent when drained_total() reaches the appended_total() of its last byte.
  uint64_t appended_total() const noexcept { return appended_; }
  uint64_t drained_total() const noexcept { return drained_; }

  // Fills `out` with the memory at the front, up to the first file range; returns how many were filled.
  // The views stay valid until those bytes are drained.
  size_t as_iovecs(std::span<iovec> out) const noexcept;
  // The file range at the front; null when memory (or nothing) stands there.
  const FileRange* front_file() const noexcept;
  // Forgets the first `count` bytes, which have been sent.
  void drain(uint64_t count) noexcept;
  void clear() noexcept;

 private:
  void push(Piece* piece) noexcept;
  void pop() noexcept;

  ChunkPool* pool_;
  Piece* head_ = nullptr;
  Piece* tail_ = nullptr;
  uint64_t appended_ = 0;
  uint64_t drained_ = 0;
};

}  // namespace hyperion::buffer
