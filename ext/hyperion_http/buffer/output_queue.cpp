#include "buffer/output_queue.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/assert.hpp"

namespace hyperion::buffer {
namespace {

struct BlockPiece : Piece {
  explicit BlockPiece(Block whole) noexcept : Piece(Kind::block), block(whole) {}
  ~BlockPiece() {
    if (block.release != nullptr) block.release(block.owner);
  }
  BlockPiece(const BlockPiece&) = delete;
  BlockPiece& operator=(const BlockPiece&) = delete;

  Block block;
  size_t begin = 0;
};

struct FilePiece : Piece {
  explicit FilePiece(FileRange whole) noexcept : Piece(Kind::file), range(std::move(whole)) {}

  FileRange range;
};

}  // namespace

Block Block::own(std::string&& bytes) {
  auto owner = std::make_unique<std::string>(std::move(bytes));
  Block block{.data = owner->data(), .size = owner->size()};
  block.release = [](void* pointer) noexcept { delete static_cast<std::string*>(pointer); };
  block.owner = owner.release();
  return block;
}

void OutputQueue::push(Piece* piece) noexcept {
  if (tail_ == nullptr) {
    head_ = piece;
  } else {
    tail_->next = piece;
  }
  tail_ = piece;
}

void OutputQueue::pop() noexcept {
  Piece* piece = std::exchange(head_, head_->next);
  if (head_ == nullptr) tail_ = nullptr;
  switch (piece->kind) {
    case Piece::Kind::chunk: pool_->give(static_cast<Chunk*>(piece)); break;
    case Piece::Kind::block: delete static_cast<BlockPiece*>(piece); break;
    case Piece::Kind::file: delete static_cast<FilePiece*>(piece); break;
  }
}

char* OutputQueue::prepare(size_t size) {
  HYPERION_ASSERT(size <= Chunk::kCapacity);
  if (tail_ == nullptr || tail_->kind != Piece::Kind::chunk || static_cast<Chunk*>(tail_)->room() < size) {
    push(pool_->take());
  }
  auto* chunk = static_cast<Chunk*>(tail_);
  return chunk->bytes + chunk->end;
}

void OutputQueue::commit(size_t used) noexcept {
  auto* chunk = static_cast<Chunk*>(tail_);
  HYPERION_ASSERT(used <= chunk->room());
  chunk->end += static_cast<uint32_t>(used);
  appended_ += used;
  // An unused fresh chunk would look like something to send.
  if (chunk->size() == 0 && head_ == tail_) pop();
}

void OutputQueue::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t room = tail_ != nullptr && tail_->kind == Piece::Kind::chunk ? static_cast<Chunk*>(tail_)->room() : 0;
    const size_t step = std::min(bytes.size(), room > 0 ? room : Chunk::kCapacity);
    std::memcpy(prepare(step), bytes.data(), step);
    static_cast<Chunk*>(tail_)->end += static_cast<uint32_t>(step);
    appended_ += step;
    bytes.remove_prefix(step);
  }
}

void OutputQueue::append(Block block) {
  auto piece = std::make_unique<BlockPiece>(block);
  if (block.size == 0) return;
  appended_ += block.size;
  push(piece.release());
}

void OutputQueue::append(FileRange range) {
  if (range.size == 0) return;
  appended_ += range.size;
  push(new FilePiece(std::move(range)));
}

size_t OutputQueue::as_iovecs(std::span<iovec> out) const noexcept {
  size_t count = 0;
  for (Piece* piece = head_; piece != nullptr && count < out.size(); piece = piece->next) {
    if (piece->kind == Piece::Kind::file) break;
    if (piece->kind == Piece::Kind::chunk) {
      auto* chunk = static_cast<Chunk*>(piece);
      if (chunk->size() > 0) out[count++] = {.iov_base = chunk->bytes + chunk->begin, .iov_len = chunk->size()};
    } else {
      auto* block = static_cast<BlockPiece*>(piece);
      out[count++] = {.iov_base = const_cast<char*>(block->block.data) + block->begin,
                      .iov_len = block->block.size - block->begin};
    }
  }
  return count;
}

const FileRange* OutputQueue::front_file() const noexcept {
  if (head_ == nullptr || head_->kind != Piece::Kind::file) return nullptr;
  return &static_cast<const FilePiece*>(head_)->range;
}

void OutputQueue::drain(uint64_t count) noexcept {
  HYPERION_ASSERT(count <= size());
  drained_ += count;
  while (head_ != nullptr) {
    uint64_t left = 0;
    switch (head_->kind) {
      case Piece::Kind::chunk: {
        auto* chunk = static_cast<Chunk*>(head_);
        const uint64_t step = std::min<uint64_t>(count, chunk->size());
        chunk->begin += static_cast<uint32_t>(step);
        count -= step;
        left = chunk->size();
        break;
      }
      case Piece::Kind::block: {
        auto* block = static_cast<BlockPiece*>(head_);
        const uint64_t step = std::min<uint64_t>(count, block->block.size - block->begin);
        block->begin += static_cast<size_t>(step);
        count -= step;
        left = block->block.size - block->begin;
        break;
      }
      case Piece::Kind::file: {
        auto& range = static_cast<FilePiece*>(head_)->range;
        const uint64_t step = std::min(count, range.size);
        range.offset += step;
        range.size -= step;
        count -= step;
        left = range.size;
        break;
      }
    }
    if (left > 0) return;
    pop();
  }
}

void OutputQueue::clear() noexcept {
  while (head_ != nullptr) pop();
  appended_ = drained_;
}

}  // namespace hyperion::buffer
