#include "buffer/chunk_pool.hpp"

#include <utility>

namespace hyperion::buffer {

ChunkPool::~ChunkPool() {
  while (free_ != nullptr) {
    delete std::exchange(free_, static_cast<Chunk*>(free_->next));
  }
}

Chunk* ChunkPool::take() {
  if (free_ == nullptr) return new Chunk;
  Chunk* chunk = std::exchange(free_, static_cast<Chunk*>(free_->next));
  --free_count_;
  chunk->next = nullptr;
  chunk->begin = chunk->end = 0;
  return chunk;
}

void ChunkPool::give(Chunk* chunk) noexcept {
  if (free_count_ >= keep_) {
    delete chunk;
    return;
  }
  chunk->next = free_;
  free_ = chunk;
  ++free_count_;
}

}  // namespace hyperion::buffer
