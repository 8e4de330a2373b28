// LogFile: what the containers of one replica print, line by line, in files of bounded size and number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/unique_fd.h"

namespace asya::cluster::local {

struct LogLimits {
  std::int64_t file_size_bytes = 4 << 20;
  std::int64_t files_per_replica = 3;    // the current one and older ones ".1", ".2"
  std::int64_t replicas_per_actor = 20;  // logs of the latest replicas of an actor are kept
};

class LogFile {
 public:
  // Lines go to {folder}/{replica}.log; `folder` is made. Failures to write are not failures of the replica: lines
  // are lost.
  LogFile(const std::string& folder, const std::string& replica, const LogLimits& limits, const Clock& clock);
  // Writes "{time} {container} {line}\n".
  void Write(std::string_view container, std::string_view line);

 private:
  void Open();
  void Rotate();

  const std::string path_;
  const LogLimits limits_;
  const Clock& clock_;
  UniqueFd file_;
  std::int64_t size_bytes_ = 0;
};

// Cuts a stream of bytes into lines; a line over the limit is cut.
class LineBuffer {
 public:
  static constexpr std::size_t kLineLimit_bytes = 64 << 10;
  template <class OnLine>
  void Add(std::string_view bytes, OnLine on_line) {
    for (;;) {
      const auto end = bytes.find('\n');
      const std::string_view part = bytes.substr(0, end);
      rest_.append(part.substr(0, kLineLimit_bytes - rest_.size()));
      const bool full = rest_.size() >= kLineLimit_bytes;
      if (end == std::string_view::npos && !full) return;
      on_line(std::string_view(rest_));
      rest_.clear();
      if (end == std::string_view::npos) return;
      bytes = bytes.substr(end + 1);
    }
  }
  // What came after the last line end, as the last line.
  template <class OnLine>
  void Finish(OnLine on_line) {
    if (!rest_.empty()) on_line(std::string_view(rest_));
    rest_.clear();
  }

 private:
  std::string rest_;
};

// Removes the logs of all but the latest replicas.
void RemoveOldLogs(const std::string& folder, const LogLimits& limits);

}  // namespace asya::cluster::local
