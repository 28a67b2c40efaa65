// A run of bytes in an open file: sent without passing through user space, or read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace hyperion::buffer {

// Several ranges may share one descriptor (a spill file that is still being written).
using SharedFd = std::shared_ptr<const base::UniqueFd>;

struct FileRange {
  SharedFd file;
  uint64_t offset = 0;
  uint64_t size = 0;
};

// All of the range. Errors: os_error; EIO when the file ends before it.
base::Result<std::string> read(const FileRange& range) noexcept;

}  // namespace hyperion::buffer
