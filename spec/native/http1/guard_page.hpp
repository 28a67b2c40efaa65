// Memory whose last byte is the last one that may be read: the page behind it is closed, so that any overread crashes.
// Used by the tests of everything that reads bytes from a peer.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace hyperion::test {

class GuardPage {
 public:
  GuardPage() = default;
  ~GuardPage() { unmap(); }
  GuardPage(const GuardPage&) = delete;
  GuardPage& operator=(const GuardPage&) = delete;

  // A copy of `bytes` that ends at the closed page. Valid until the next call.
  std::string_view hold(std::string_view bytes) {
    if (bytes.size() > room_) map(bytes.size());
    char* at = memory_ + room_ - bytes.size();
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }

 private:
  void map(size_t least) {
    unmap();
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    room_ = (least + page - 1) / page * page;
    void* memory = ::mmap(nullptr, room_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    memory_ = static_cast<char*>(memory);
    mapped_ = room_ + page;
    if (::mprotect(memory_ + room_, page, PROT_NONE) != 0) std::abort();
  }

  void unmap() noexcept {
    if (memory_ != nullptr) ::munmap(memory_, mapped_);
    memory_ = nullptr;
  }

  char* memory_ = nullptr;
  size_t room_ = 0;
  size_t mapped_ = 0;
};

}  // namespace hyperion::test
