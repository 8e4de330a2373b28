#include "cluster/local/log_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

namespace asya::cluster::local {
namespace fs = std::filesystem;

LogFile::LogFile(const std::string& folder, const std::string& replica, const LogLimits& limits, const Clock& clock)
    : path_(folder + "/" + replica + ".log"), limits_(limits), clock_(clock) {
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  Open();
}

void LogFile::Open() {
  constexpr int kOwnerOnly = 0600;
  file_.Reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kOwnerOnly));
  std::error_code error;
  const auto size = fs::file_size(path_, error);
  size_bytes_ = error ? 0 : static_cast<std::int64_t>(size);
}

void LogFile::Rotate() {
  std::error_code ignored;
  for (std::int64_t i = limits_.files_per_replica - 1; i >= 1; --i) {
    const std::string older = path_ + "." + std::to_string(i);
    fs::rename(i == 1 ? path_ : path_ + "." + std::to_string(i - 1), older, ignored);
  }
  if (limits_.files_per_replica <= 1) fs::remove(path_, ignored);
  Open();
}

void LogFile::Write(std::string_view container, std::string_view line) {
  std::string text = FormatRfc3339(clock_.Now(), true);
  text.append(" ").append(container).append(" ").append(line).append("\n");
  const auto size = static_cast<std::int64_t>(text.size());
  if (size_bytes_ > 0 && size_bytes_ + size > limits_.file_size_bytes) Rotate();
  if (file_.valid() && ::write(file_.get(), text.data(), text.size()) > 0) size_bytes_ += size;
}

void RemoveOldLogs(const std::string& folder, const LogLimits& limits) {
  std::error_code error;
  // A replica's files share the name up to ".log"; its age is that of its newest file.
  std::map<std::string, std::vector<fs::path>> files;
  std::map<std::string, fs::file_time_type> newest;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    const auto end = name.find(".log");
    if (end == std::string::npos) continue;
    const std::string replica = name.substr(0, end);
    const auto written = fs::last_write_time(entry.path(), error);
    files[replica].push_back(entry.path());
    auto& latest = newest.try_emplace(replica, written).first->second;
    latest = std::max(latest, written);
  }
  std::vector<std::string> replicas;
  for (const auto& [replica, paths] : files) replicas.push_back(replica);
  std::ranges::sort(replicas, [&newest](const auto& a, const auto& b) { return newest[a] > newest[b]; });
  for (std::size_t i = static_cast<std::size_t>(limits.replicas_per_actor); i < replicas.size(); ++i) {
    for (const auto& path : files[replicas[i]]) fs::remove(path, error);
  }
}

}  // namespace asya::cluster::local
