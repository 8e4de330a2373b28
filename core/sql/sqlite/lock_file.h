// LockFile: exclusive ownership of a database file among processes, ended by the kernel when the owner dies.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace asya::sql::sqlite {

class LockFile {
 public:
  // Takes `{path}.lock` without waiting. kConflict: another owner (its process id is in the message); kForbidden,
  // kNotFound, kUnavailable.
  static Result<LockFile> Take(const std::string& path);
  // The file stays: removing it would let two owners lock two different files of one name.
  void Release() { fd_.Reset(); }

 private:
  explicit LockFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace asya::sql::sqlite
