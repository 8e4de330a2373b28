// PodFolder: the run-time folder of one replica, with a record of its processes that outlives a crash of the server.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "cluster/local/child_process.h"
#include "core/base/result.h"

namespace asya::cluster::local {

// The longest path below a pod folder that is a socket: "/asya-runtime-health.sock".
inline constexpr std::size_t kSocketNameLimit_bytes = 26;

// kInvalid when sockets in pod folders of `run_dir` would have too long paths.
Status CheckRunDir(const std::string& run_dir);

class PodFolder {
 public:
  // Makes {run_dir}/{id}, readable by its owner only.
  static Result<PodFolder> Create(const std::string& run_dir, const std::string& id);
  PodFolder(PodFolder&& other) noexcept;
  PodFolder& operator=(PodFolder&&) = delete;
  // Removes the folder.
  ~PodFolder();

  [[nodiscard]] const std::string& path() const { return path_; }
  // Remembers a process of this pod; `container` names it. One that is not running any more is overwritten or stays,
  // harmless.
  void Record(const std::string& container, const ProcessMark& mark);

 private:
  explicit PodFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
  std::map<std::string, ProcessMark> processes_;
};

// Removes the pod folders of servers that are not running any more, and ends the process groups that their records
// prove to be theirs (same pid, same start time, same boot). Returns how many folders went.
std::size_t RemoveStalePods(const std::string& run_dir);

}  // namespace asya::cluster::local
