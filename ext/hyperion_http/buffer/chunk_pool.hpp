// Fixed blocks of output memory, recycled within one I/O thread so that answering allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hyperion::buffer {

// What an output queue links together; each kind is a struct derived from it.
struct Piece {
  enum class Kind : uint8_t { chunk, block, file };

  explicit Piece(Kind which) noexcept : kind(which) {}

  Piece* next = nullptr;
  Kind kind;
};

// One pooled block, 4 KiB with its header. `begin..end` are the bytes not yet drained.
struct Chunk : Piece {
  static constexpr size_t kCapacity = 4096 - sizeof(Piece) - 2 * sizeof(uint32_t);

  Chunk() noexcept : Piece(Kind::chunk) {}

  uint32_t begin = 0;
  uint32_t end = 0;
  char bytes[kCapacity];

  size_t size() const noexcept { return end - begin; }
  size_t room() const noexcept { return kCapacity - end; }
};

// Not thread-safe: belongs to one I/O thread. Outlives every queue that draws from it.
class ChunkPool {
 public:
  // `keep`: the most free blocks held back from the allocator.
  explicit ChunkPool(size_t keep = 256) noexcept : keep_(keep) {}
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  Chunk* take();
  void give(Chunk* chunk) noexcept;

  size_t free_count() const noexcept { return free_count_; }

 private:
  Chunk* free_ = nullptr;
  size_t free_count_ = 0;
  size_t keep_;
};

}  // namespace hyperion::buffer
