#include "cluster/local/source_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace asya::cluster::local {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kChanges =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr std::size_t kReadSize_bytes = 16 << 10;

// Folders that hold no handler code but many files.
bool IsSkipped(const std::string& name) {
  return name.empty() || name.front() == '.' || name == "__pycache__" || name == "node_modules" || name == "venv";
}

bool IsPython(std::string_view name) { return name.size() > 3 && name.substr(name.size() - 3) == ".py"; }

}  // namespace

SourceWatch::SourceWatch(EventLoop& loop, std::function<void(const std::string&)> on_change)
    : loop_(loop), on_change_(std::move(on_change)) {}

SourceWatch::~SourceWatch() {
  for (auto& [folder, source] : sources_) {
    loop_.Cancel(source.burst);
    loop_.Unwatch(source.inotify.get());
  }
}

void SourceWatch::Add(const std::string& source_dir) {
  Source& source = sources_[source_dir];
  if (++source.users > 1) return;
  source.inotify.Reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!source.inotify.valid()) return;  // out of instances: code is reloaded by hand then
  WatchTree(source, source_dir);
  loop_.Watch(source.inotify.get(), [this, source_dir] { OnReadable(source_dir); });
}

void SourceWatch::Remove(const std::string& source_dir) {
  const auto found = sources_.find(source_dir);
  if (found == sources_.end() || --found->second.users > 0) return;
  loop_.Cancel(found->second.burst);
  loop_.Unwatch(found->second.inotify.get());
  sources_.erase(found);
}

void SourceWatch::WatchFolder(Source& source, const std::string& folder) {
  if (source.folders.size() >= kWatchedFoldersLimit) return;
  const int watch = ::inotify_add_watch(source.inotify.get(), folder.c_str(), kChanges);
  if (watch >= 0) source.folders[watch] = folder;
}

void SourceWatch::WatchTree(Source& source, const std::string& top) {
  WatchFolder(source, top);
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto it = fs::recursive_directory_iterator(top, options, error); it != fs::recursive_directory_iterator();
       it.increment(error)) {
    if (error || source.folders.size() >= kWatchedFoldersLimit) return;
    if (!it->is_directory(error) || it->is_symlink(error)) continue;
    if (IsSkipped(it->path().filename())) {
      it.disable_recursion_pending();
      continue;
    }
    WatchFolder(source, it->path());
  }
}

void SourceWatch::OnReadable(const std::string& source_dir) {
  const auto found = sources_.find(source_dir);
  if (found == sources_.end()) return;
  Source& source = found->second;
  bool changed = false;
  alignas(inotify_event) std::array<char, kReadSize_bytes> buffer{};
  for (;;) {
    const ssize_t size = ::read(source.inotify.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string name = event.len > 0 ? buffer.data() + at + sizeof event : "";
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) changed = true;
      if ((event.mask & IN_IGNORED) != 0) source.folders.erase(event.wd);
      const auto folder = source.folders.find(event.wd);
      if (folder == source.folders.end()) continue;
      if ((event.mask & IN_ISDIR) != 0) {
        if ((event.mask & (IN_CREATE | IN_MOVED_TO)) == 0 || IsSkipped(name)) continue;
        WatchTree(source, folder->second + "/" + name);
        changed = true;  // files may be in it already
      } else if (IsPython(name) && (event.mask & IN_CREATE) == 0) {
        changed = true;
      }
    }
  }
  if (!changed) return;
  loop_.Cancel(source.burst);
  source.burst = loop_.After(kSaveBurst, [this, source_dir] { on_change_(source_dir); });
}

}  // namespace asya::cluster::local
