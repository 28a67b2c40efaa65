// An open file without a name, for bodies too large for memory. It vanishes with its last descriptor.
#pragma once

#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace hyperion::base {

// Where such files are made: $TMPDIR, else /tmp, unless set. Call before threads start.
void set_temporary_directory(std::string path);

// Read-write, close-on-exec. Errors: os_error with the errno of open (ENOSPC, EACCES, EMFILE, ...).
Result<UniqueFd> open_temporary_file() noexcept;

}  // namespace hyperion::base
