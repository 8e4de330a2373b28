#include "core/sql/sqlite/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

namespace asya::sql::sqlite {
namespace {

Error CannotOpen(const std::string& path, int number) {
  const std::string message = path + ": cannot be opened for writing: " + std::strerror(number);
  switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
      return Fail(ErrorCode::kForbidden, message);
    case ENOENT:
    case ENOTDIR:
      return Fail(ErrorCode::kNotFound, message + " (the folder must exist)");
    default:  // any other errno
      return Fail(ErrorCode::kUnavailable, message);
  }
}

std::string OwnerOf(int fd) {
  char text[32] = {};
  const auto count = pread(fd, text, sizeof(text) - 1, 0);
  return count > 0 ? " (process " + std::string(text, static_cast<std::size_t>(count)) + ")" : "";
}

}  // namespace

Result<LockFile> LockFile::Take(const std::string& path) {
  const std::string lock_path = path + ".lock";
  UniqueFd fd(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return CannotOpen(lock_path, errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return CannotOpen(lock_path, errno);
    return Fail(ErrorCode::kConflict, path + ": in use by another process" + OwnerOf(fd.get()));
  }
  // Only a hint for the message above, so a failure to write it (disk full) is no reason to stop.
  const std::string id = std::to_string(getpid());
  if (ftruncate(fd.get(), 0) == 0 && pwrite(fd.get(), id.data(), id.size(), 0) < 0) errno = 0;
  return LockFile(std::move(fd));
}

}  // namespace asya::sql::sqlite
