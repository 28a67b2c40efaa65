#include "base/temporary_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace hyperion::base {
namespace {

// Made when the library is loaded, for nobody may change the environment meanwhile; never destroyed, for threads may
// outlive the statics.
std::string& directory = *[] {
  const char* named = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe)
  return new std::string{named != nullptr && *named != '\0' ? named : "/tmp"};
}();

}  // namespace

void set_temporary_directory(std::string path) { directory = std::move(path); }

Result<UniqueFd> open_temporary_file() noexcept {
  const std::string& where = directory;
  UniqueFd fd{::open(where.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (fd) return fd;
  // Some file systems (overlays, NFS) have no O_TMPFILE: a named file whose name goes at once.
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT) return Error::os(errno);
  std::string name = where + "/hyperion-XXXXXX";
  fd = UniqueFd{::mkostemp(name.data(), O_CLOEXEC)};
  if (!fd) return Error::os(errno);
  ::unlink(name.c_str());
  return fd;
}

}  // namespace hyperion::base
