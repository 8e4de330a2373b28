// WatchedFiles: files whose new content is put to use while the server runs: certificates, tokens, roles.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "core/base/periodic.h"
#include "core/base/result.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"

namespace asya::server {

inline constexpr std::size_t kWatchedFileBytesMax = 1U << 20U;

// The error names the file and what to do.
Result<std::string> ReadSmallFile(const std::string& path);

// Files are read once a second and compared by content: they are small, and neither times nor inodes tell reliably of a
// secret that Kubernetes exchanges by a symbolic link. What cannot be read or used is logged once, and what was in use
// stays in use until the files change again.
class WatchedFiles {
 public:
  static constexpr std::chrono::seconds kPeriod{1};
  using Apply = std::function<Status(const std::vector<std::string>& texts)>;

  WatchedFiles(observe::Logger logger, observe::Metrics& metrics);

  // Files that belong together, such as a certificate and its key, and what is in use of them. Before Start.
  void Add(const std::string& what, std::vector<std::string> paths, std::vector<std::string> texts, Apply apply);
  void Start() { periodic_.Start(Periodic::Every(kPeriod)); }
  // Idempotent.
  void Stop() { periodic_.Stop(); }
  // What the thread does once a second; for tests, in its place.
  void CheckNow();

 private:
  struct Group {
    std::string what;
    std::vector<std::string> paths;
    std::vector<std::string> seen;  // texts, used or refused
    std::string trouble;            // what was logged last; empty after a success
    Apply apply;
    observe::Counter taken;
    observe::Counter refused;
    bool unreadable = false;  // the trouble is that a file could not be read
  };
  void Check(Group& group);
  void Refuse(Group& group, const std::string& trouble);

  const observe::Logger logger_;
  observe::Metrics& metrics_;
  std::vector<Group> groups_;
  Periodic periodic_;  // last: it uses what is before it
};

}  // namespace asya::server
