#include "http/body_pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/release.hpp"
#include "base/temporary_file.hpp"

namespace hyperion::http {

uint64_t BodyPipe::memory_room() const noexcept {
  if (written_ != taken_) return 0;  // order: what is new goes behind the file's bytes
  return bounds_.memory - std::min<uint64_t>(bounds_.memory, memory_.size());
}

BodyPipe::Outcome BodyPipe::try_write(std::string_view bytes) noexcept {
  bool was_empty = false;
  {
    const std::lock_guard lock{mutex_};
    if (closed_) return Outcome::closed;
    if (bytes.size() > memory_room()) return Outcome::full;
    was_empty = empty();
    memory_.append(bytes);
  }
  if (was_empty && !bytes.empty()) notify_.call(notify_.object);
  return Outcome::accepted;
}

BodyPipe::Outcome BodyPipe::write(std::string_view& rest) noexcept {
  std::unique_lock lock{mutex_};
  while (!rest.empty()) {
    if (closed_) return Outcome::closed;
    if (interrupted_) return Outcome::interrupted;
    bool was_empty = empty();
    uint64_t step = 0;
    if (const uint64_t room = memory_room(); room > 0) {
      step = std::min<uint64_t>(room, rest.size());
      memory_.append(rest.substr(0, step));
    } else if (bounds_.spill > 0 && file_room() > 0) {
      const uint64_t most = std::min<uint64_t>(file_room(), rest.size());
      lock.unlock();
      const auto wrote = write_file(rest.substr(0, most));
      lock.lock();
      if (!wrote) {
        file_failed_ = true;
        file_error_ = wrote.error().os_errno;
        continue;
      }
      step = wrote.value();
      was_empty = empty();  // the consumer may have taken all there was meanwhile
      written_ += step;
    } else {
      room_.wait(lock);
      continue;
    }
    rest.remove_prefix(step);
    if (was_empty) {
      lock.unlock();
      notify_.call(notify_.object);
      lock.lock();
    }
  }
  return Outcome::accepted;
}

base::Status BodyPipe::open_file() noexcept {
  auto opened = base::open_temporary_file();
  if (!opened) return opened.error();
  file_ = std::make_shared<const base::UniqueFd>(std::move(opened).value());
  return {};
}

base::Result<uint64_t> BodyPipe::write_file(std::string_view bytes) noexcept {
  if (file_ == nullptr) {
    if (auto opened = open_file(); !opened) return opened.error();
  }
  const uint64_t position = written_ % bounds_.spill;
  const size_t size = std::min<uint64_t>(bytes.size(), bounds_.spill - position);
  ssize_t wrote = 0;
  do {
    wrote = ::pwrite(file_->get(), bytes.data(), size, static_cast<off_t>(position));
  } while (wrote < 0 && errno == EINTR);
  if (wrote < 0) return base::Error::os(errno);
  return static_cast<uint64_t>(wrote);
}

void BodyPipe::finish(bool complete) noexcept {
  {
    const std::lock_guard lock{mutex_};
    if (finished_) return;
    finished_ = true;
    complete_ = complete;
  }
  notify_.call(notify_.object);
}

void BodyPipe::interrupt() noexcept {
  const std::lock_guard lock{mutex_};
  interrupted_ = true;
  room_.notify_all();
}

void BodyPipe::clear_interrupt() noexcept {
  const std::lock_guard lock{mutex_};
  interrupted_ = false;
}

BodyPipe::Portion BodyPipe::take(uint64_t file_limit) noexcept {
  Portion portion;
  const std::lock_guard lock{mutex_};
  portion.memory = std::exchange(memory_, std::string{});
  if (written_ != taken_ && file_limit > 0) {
    const uint64_t position = taken_ % bounds_.spill;
    const uint64_t size = std::min({file_limit, written_ - taken_, bounds_.spill - position});
    portion.file = {.file = file_, .offset = position, .size = size};
    taken_ += size;
  }
  portion.finished = finished_ && empty();
  portion.complete = complete_;
  portion.file_error = std::exchange(file_error_, 0);
  room_.notify_all();
  return portion;
}

void BodyPipe::release_file(uint64_t size) noexcept {
  const std::lock_guard lock{mutex_};
  released_ += size;
  room_.notify_all();
}

void BodyPipe::close() noexcept {
  const std::lock_guard lock{mutex_};
  closed_ = true;
  base::release(memory_);
  taken_ = written_;
  room_.notify_all();
}

}  // namespace hyperion::http
