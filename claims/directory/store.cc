#include "claims/directory/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/base/random.h"
#include "core/base/unique_fd.h"

namespace asya::claims::directory {
namespace {

namespace fs = std::filesystem;
constexpr const char* kUnfinished = ".new-";
constexpr int kFolderGoneTries = 3;  // each time the removal of an old folder came between

Error Refused(const std::string& doing, const std::string& path) {
  return Fail(ErrorCode::kUnavailable, "cannot " + doing + " " + path + ": " + std::strerror(errno));
}

Status WriteAll(const UniqueFd& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Refused("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file.get()) == 0 ? Ok() : Refused("write", path);
}

Status SyncFolder(const std::string& path) {
  const UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::fsync(folder.get()) != 0) return Refused("sync", path);
  return Ok();
}

// With everything above it, durably.
Status MakeFolder(const std::string& path) {
  if (::mkdir(path.c_str(), 0770) == 0) return SyncFolder(fs::path(path).parent_path());
  if (errno == EEXIST) return Ok();
  if (errno != ENOENT) return Refused("make", path);
  const std::string parent = fs::path(path).parent_path();
  if (parent.empty() || parent == path) return Refused("make", path);
  ASYA_TRY_STATUS(MakeFolder(parent));
  if (::mkdir(path.c_str(), 0770) != 0 && errno != EEXIST) return Refused("make", path);
  return SyncFolder(parent);
}

Status CheckName(const char* what, const std::string& name) {
  if (!name.empty() && name.find('/') == std::string::npos && name.front() != '.') return Ok();
  return Invalid(what, "got \"" + name + "\"; a name as the store lists them is accepted");
}

// With the files that were never finished; whoever still writes one of them makes the folder again.
Status RemoveEmpty(const std::string& path) {
  std::vector<std::string> unfinished;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().rfind(kUnfinished, 0) != 0) return Ok();
    unfinished.push_back(entry->path());
  }
  for (const std::string& file : unfinished) {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) return Refused("remove", file);
  }
  // Not empty: something was put meanwhile, and stays.
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) return Ok();
  return Refused("remove", path);
}

std::int64_t Microseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace

std::string Store::FolderOf(const ports::ClaimKey& key) const { return root_ + "/" + ports::ClaimFolderName(key.root); }

Result<bool> Store::Put(const ports::ClaimKey& key, std::string_view payload, std::chrono::milliseconds /*timeout*/) {
  const std::string folder = FolderOf(key);
  const std::string path = folder + "/" + key.sha256;
  struct stat found {};
  // A file of another size is one that a fault of the disk or a person has made: it is written again.
  if (::stat(path.c_str(), &found) == 0 && static_cast<std::size_t>(found.st_size) == payload.size() &&
      ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0) {
    return false;
  }
  ASYA_TRY_STATUS(WriteInto(folder, key.sha256, payload));
  return true;
}

Status Store::WriteInto(const std::string& folder, const std::string& name, std::string_view content) {
  for (int tries = 1;; ++tries) {
    ASYA_TRY_STATUS(MakeFolder(folder));
    const Status written = Write(folder, name, content);
    if (written.ok()) return written;
    if (written.error().code != ErrorCode::kNotFound || tries == kFolderGoneTries) {
      return Fail(ErrorCode::kUnavailable, written.error().message);
    }
  }
}

// kNotFound when the folder went meanwhile.
Status Store::Write(const std::string& folder, const std::string& name, std::string_view content) {
  const std::string unfinished = folder + "/" + kUnfinished + RandomHex(8);
  const UniqueFd file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660));
  if (!file.valid()) {
    if (errno == ENOENT) return Fail(ErrorCode::kNotFound, folder + " was removed meanwhile");
    return Refused("write", unfinished);
  }
  Status done = WriteAll(file, content, unfinished);
  if (done.ok() && ::rename(unfinished.c_str(), (folder + "/" + name).c_str()) != 0) {
    done =
        errno == ENOENT ? Fail(ErrorCode::kNotFound, folder + " was removed meanwhile") : Refused("rename", unfinished);
  }
  if (!done.ok()) {
    ::unlink(unfinished.c_str());
    return done;
  }
  return SyncFolder(folder);
}

Result<std::string> Store::Get(const ports::ClaimKey& key, std::size_t limit_bytes,
                               std::chrono::milliseconds /*timeout*/) {
  const std::string path = FolderOf(key) + "/" + key.sha256;
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return Fail(ErrorCode::kNotFound, "there is no " + path);
    return Refused("read", path);
  }
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return Refused("read", path);
  const auto size = static_cast<std::size_t>(found.st_size);
  if (size > limit_bytes) return Fail(ErrorCode::kTooLarge, path + " has " + std::to_string(size) + " bytes");
  std::string payload(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file.get(), payload.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Refused("read", path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  payload.resize(done);
  return payload;
}

Status Store::SetMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds /*timeout*/) {
  ASYA_TRY_STATUS(CheckName("folder", folder));
  ASYA_TRY_STATUS(CheckName("mark", mark));
  return WriteInto(root_ + "/" + folder, mark, "");
}

Result<bool> Store::HasMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds /*timeout*/) {
  const std::string path = root_ + "/" + folder + "/" + mark;
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return Refused("read", path);
}

Result<std::vector<ports::ClaimFolder>> Store::List(const std::string& after, std::size_t limit,
                                                    std::chrono::milliseconds timeout) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(root_, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename();
    if (name > after && entry->is_directory(error)) names.push_back(std::move(name));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(ErrorCode::kUnavailable, "cannot read " + root_ + ": " + error.message());
  }
  std::sort(names.begin(), names.end());
  if (names.size() > limit) names.resize(limit);
  std::vector<ports::ClaimFolder> folders;
  for (const std::string& name : names) {
    ASYA_TRY(ports::ClaimFolder folder, Look(name, timeout));
    // One without a file is there too: a write that was broken off has left it.
    if (folder.newest != WallTime{}) folders.push_back(std::move(folder));
  }
  return folders;
}

Result<ports::ClaimFolder> Store::Look(const std::string& folder, std::chrono::milliseconds /*timeout*/) {
  ports::ClaimFolder looked;
  looked.name = folder;
  const std::string path = root_ + "/" + folder;
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return looked;
    return Refused("read", path);
  }
  std::int64_t newest = Microseconds(found.st_mtim);
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename();
    if (::stat(entry->path().c_str(), &found) == 0) newest = std::max(newest, Microseconds(found.st_mtim));
    if (name.rfind(kUnfinished, 0) != 0) looked.names.push_back(std::move(name));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(ErrorCode::kUnavailable, "cannot read " + path + ": " + error.message());
  }
  looked.newest = WallTime(std::chrono::microseconds(newest));
  return looked;
}

Status Store::Remove(const std::string& folder, const std::vector<std::string>& names,
                     std::chrono::milliseconds /*timeout*/) {
  ASYA_TRY_STATUS(CheckName("folder", folder));
  const std::string path = root_ + "/" + folder;
  for (const std::string& name : names) {
    ASYA_TRY_STATUS(CheckName("name", name));
    const std::string file = path + "/" + name;
    if (::unlink(file.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) return Refused("remove", file);
  }
  return RemoveEmpty(path);
}

}  // namespace asya::claims::directory
