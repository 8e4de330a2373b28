// SourceWatch: tells when Python files under a folder changed, once for a burst of changes.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/local/event_loop.h"
#include "core/base/unique_fd.h"

namespace asya::cluster::local {

// An editor's save is several changes; they are one when they come within this time.
inline constexpr std::chrono::milliseconds kSaveBurst{50};
// Folders watched below one source folder; what is beyond is not watched.
inline constexpr std::size_t kWatchedFoldersLimit = 512;

// Lives on the loop's thread.
class SourceWatch {
 public:
  // `on_change` gets the source folder.
  SourceWatch(EventLoop& loop, std::function<void(const std::string& source_dir)> on_change);
  ~SourceWatch();
  SourceWatch(const SourceWatch&) = delete;
  SourceWatch& operator=(const SourceWatch&) = delete;

  // Counted: each Add wants its Remove.
  void Add(const std::string& source_dir);
  void Remove(const std::string& source_dir);

 private:
  struct Source {
    int users = 0;
    UniqueFd inotify;
    std::map<int, std::string> folders;  // by watch descriptor
    EventLoop::TimerId burst = 0;
  };
  void WatchTree(Source& source, const std::string& top);
  void WatchFolder(Source& source, const std::string& folder);
  void OnReadable(const std::string& source_dir);

  EventLoop& loop_;
  const std::function<void(const std::string&)> on_change_;
  std::map<std::string, Source> sources_;
};

}  // namespace asya::cluster::local
