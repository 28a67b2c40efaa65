// OutputQueue and ChunkPool: what a connection still has to send.
#include "buffer/output_queue.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/temporary_file.hpp"
#include "support/random.hpp"

namespace hyperion::test {
namespace {

using buffer::Block;
using buffer::Chunk;
using buffer::ChunkPool;
using buffer::FileRange;
using buffer::OutputQueue;

// The memory at the front, up to the first file range.
std::string front_memory(const OutputQueue& queue, size_t most = 64) {
  std::vector<iovec> pieces(most);
  const size_t count = queue.as_iovecs(pieces);
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  return bytes;
}

size_t piece_count(const OutputQueue& queue) {
  std::array<iovec, 64> pieces;
  return queue.as_iovecs(pieces);
}

struct Released {
  int count = 0;
  Block block(std::string_view bytes) {
    return {.data = bytes.data(),
            .size = bytes.size(),
            .release = [](void* self) noexcept { ++static_cast<Released*>(self)->count; },
            .owner = this};
  }
};

buffer::SharedFd file_of(std::string_view bytes) {
  auto fd = std::make_shared<const base::UniqueFd>(std::move(base::open_temporary_file()).value());
  REQUIRE(::pwrite(fd->get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return fd;
}

std::string read_range(const FileRange& range, uint64_t most) {
  std::string bytes(std::min(range.size, most), '\0');
  const ssize_t got = ::pread(range.file->get(), bytes.data(), bytes.size(), static_cast<off_t>(range.offset));
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

}  // namespace

TEST_CASE("output queue: small neighbours share a piece") {
  ChunkPool pool;
  OutputQueue queue{pool};
  CHECK(queue.empty());
  CHECK(queue.front_file() == nullptr);
  queue.append("HTTP/1.1 200 OK\r\n\r\n");
  queue.append("hello");
  CHECK(piece_count(queue) == 1);
  CHECK(front_memory(queue) == "HTTP/1.1 200 OK\r\n\r\nhello");
  CHECK(queue.size() == 24);
  queue.drain(19);
  CHECK(front_memory(queue) == "hello");
  queue.drain(5);
  CHECK(queue.empty());
  CHECK(queue.appended_total() == 24);
  CHECK(queue.drained_total() == 24);
  CHECK(piece_count(queue) == 0);
}

TEST_CASE("output queue: prepare and commit") {
  ChunkPool pool;
  OutputQueue queue{pool};
  std::copy_n("abc", 3, queue.prepare(100));
  queue.commit(3);
  CHECK(front_memory(queue) == "abc");
  // The whole chunk at once does not fit behind: a new one.
  char* whole = queue.prepare(Chunk::kCapacity);
  std::fill_n(whole, Chunk::kCapacity, 'x');
  queue.commit(Chunk::kCapacity);
  CHECK(piece_count(queue) == 2);
  CHECK(queue.size() == 3 + Chunk::kCapacity);
  queue.drain(queue.size());
  CHECK(queue.empty());

  SUBCASE("nothing committed leaves nothing to send") {
    queue.prepare(10);
    queue.commit(0);
    CHECK(queue.empty());
    CHECK(queue.size() == 0);
  }
  SUBCASE("nothing committed behind something is passed over") {
    queue.append(std::string(Chunk::kCapacity, 'x'));
    queue.prepare(10);
    queue.commit(0);
    queue.append(FileRange{file_of("file"), 0, 4});
    CHECK(front_memory(queue).size() == Chunk::kCapacity);
    queue.drain(Chunk::kCapacity);
    REQUIRE(queue.front_file() != nullptr);
    CHECK(read_range(*queue.front_file(), 100) == "file");
    queue.drain(4);
    CHECK(queue.empty());
  }
}

TEST_CASE("output queue: blocks are not copied, and released once, when they are gone") {
  ChunkPool pool;
  Released released;
  const std::string bytes = pattern(100'000);
  {
    OutputQueue queue{pool};
    queue.append("head");
    queue.append(released.block(bytes));
    std::array<iovec, 8> pieces;
    REQUIRE(queue.as_iovecs(pieces) == 2);
    CHECK(pieces[1].iov_base == bytes.data());
    queue.drain(4 + 99'999);
    CHECK(released.count == 0);
    CHECK(front_memory(queue) == bytes.substr(99'999));
    queue.drain(1);
    CHECK(released.count == 1);
    // One that is empty is released at once.
    queue.append(released.block({}));
    CHECK(released.count == 2);
    CHECK(queue.empty());
    queue.append(released.block(bytes));
    queue.append(Block::own(std::string(5000, 'o')));
    queue.append(released.block(bytes));
    queue.clear();
    CHECK(released.count == 4);
    CHECK(queue.empty());
    CHECK(queue.size() == 0);
    queue.append(released.block(bytes));
  }
  CHECK(released.count == 5);  // with the queue
}

TEST_CASE("output queue: memory stands in front of a file, and behind it") {
  ChunkPool pool;
  OutputQueue queue{pool};
  queue.append("before ");
  queue.append(FileRange{file_of("0123456789"), 2, 6});
  queue.append("after");
  queue.append(FileRange{});
  CHECK(queue.size() == 7 + 6 + 5);
  CHECK(front_memory(queue) == "before ");
  CHECK(queue.front_file() == nullptr);
  queue.drain(7);
  CHECK(piece_count(queue) == 0);
  REQUIRE(queue.front_file() != nullptr);
  CHECK(read_range(*queue.front_file(), 100) == "234567");
  queue.drain(4);
  REQUIRE(queue.front_file() != nullptr);
  CHECK(queue.front_file()->offset == 6);
  CHECK(queue.front_file()->size == 2);
  queue.drain(2);
  CHECK(queue.front_file() == nullptr);
  CHECK(front_memory(queue) == "after");
}

TEST_CASE("output queue: a view of the first pieces alone") {
  ChunkPool pool;
  OutputQueue queue{pool};
  Released released;
  for (int i = 0; i < 10; ++i) queue.append(released.block("x"));
  std::array<iovec, 3> pieces;
  CHECK(queue.as_iovecs(pieces) == 3);
  CHECK(queue.as_iovecs({}) == 0);
  CHECK(queue.size() == 10);
}

TEST_CASE("output queue: random appending and draining, against a string") {
  const std::string file_bytes = pattern(50'000, 1 << 20);
  const buffer::SharedFd file = file_of(file_bytes);
  const std::string block_bytes = pattern(50'000, 2 << 20);
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random{seed};
    Released released;
    int blocks = 0;
    {
      ChunkPool pool{random.between(0, 4)};
      OutputQueue queue{pool};
      std::string model;
      uint64_t appended = 0;
      for (int step = 0; step < 1500; ++step) {
        const uint64_t size = random.between(0, uint64_t{1} << random.between(0, 15));
        const uint64_t offset = random.between(0, 10'000);
        switch (random.between(0, 6)) {
          case 0:
          case 1: {
            const std::string bytes = pattern(size, appended);
            queue.append(bytes);
            model += bytes;
            appended += bytes.size();
            break;
          }
          case 2: {
            const std::string_view bytes = std::string_view{block_bytes}.substr(offset, size);
            queue.append(released.block(bytes));
            ++blocks;
            model += bytes;
            appended += bytes.size();
            break;
          }
          case 3: {
            const std::string_view bytes = std::string_view{file_bytes}.substr(offset, size);
            queue.append(FileRange{file, offset, bytes.size()});
            model += bytes;
            appended += bytes.size();
            break;
          }
          case 4: {
            const size_t most = random.between(0, Chunk::kCapacity);
            char* at = queue.prepare(most);
            const std::string bytes = pattern(random.between(0, most), appended);
            std::copy(bytes.begin(), bytes.end(), at);
            queue.commit(bytes.size());
            model += bytes;
            appended += bytes.size();
            break;
          }
          default: {
            const uint64_t count = random.one_in(5) ? model.size() : random.between(0, model.size());
            queue.drain(count);
            model.erase(0, count);
            break;
          }
        }
        REQUIRE(queue.size() == model.size());
        REQUIRE(queue.empty() == model.empty());
        REQUIRE(queue.appended_total() == appended);
        REQUIRE(queue.drained_total() == appended - model.size());
        if (model.empty()) continue;
        const std::string front = front_memory(queue, random.between(1, 40));
        if (front.empty()) {
          REQUIRE(queue.front_file() != nullptr);
          const std::string some = read_range(*queue.front_file(), 1000);
          REQUIRE(some == model.substr(0, some.size()));
          REQUIRE_FALSE(some.empty());
        } else {
          REQUIRE(queue.front_file() == nullptr);
          REQUIRE(front == model.substr(0, front.size()));
        }
      }
    }
    CHECK(released.count == blocks);
  }
}

TEST_CASE("file range: is read whole, or not at all") {
  const buffer::SharedFd file = file_of("0123456789");
  CHECK(buffer::read({file, 2, 5}).value() == "23456");
  CHECK(buffer::read({file, 0, 0}).value().empty());
  CHECK(buffer::read({file, 8, 3}).error() == base::Error::os(EIO));
  const auto closed = std::make_shared<const base::UniqueFd>();
  CHECK(buffer::read({closed, 0, 1}).error() == base::Error::os(EBADF));
}

TEST_CASE("chunk pool: keeps a bounded number of chunks for the next queue") {
  ChunkPool pool{2};
  std::array<Chunk*, 4> chunks;
  for (Chunk*& chunk : chunks) chunk = pool.take();
  for (Chunk* chunk : chunks) {
    CHECK(chunk->size() == 0);
    CHECK(chunk->room() == Chunk::kCapacity);
    CHECK(std::count(chunks.begin(), chunks.end(), chunk) == 1);
    chunk->end = 100;
    chunk->begin = 7;
  }
  CHECK(pool.free_count() == 0);
  for (Chunk* chunk : chunks) pool.give(chunk);
  CHECK(pool.free_count() == 2);
  Chunk* again = pool.take();
  CHECK(again->size() == 0);
  CHECK(again->next == nullptr);
  CHECK(pool.free_count() == 1);
  pool.give(again);
  static_assert(sizeof(Chunk) == 4096);
}

}  // namespace hyperion::test
