#include "buffer/file_range.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace hyperion::buffer {

base::Result<std::string> read(const FileRange& range) noexcept {
  std::string bytes(range.size, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        ::pread(range.file->get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(range.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return base::Error::os(got < 0 ? errno : EIO);
    done += static_cast<size_t>(got);
  }
  return bytes;
}

}  // namespace hyperion::buffer
