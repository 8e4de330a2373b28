// ChildProcess: one program started in a process group of its own, with its output, its control pipe and its end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace asya::cluster::local {

struct ProgramStart {
  std::vector<std::string>
      arguments;  // the first is the program; without a slash it is looked up in PATH of `environment`
  std::map<std::string, std::string> environment;  // the whole of it
  std::string folder;                              // working directory; empty: that of this process
  int parent_death_signal = 15;                    // sent when the thread that started it ends
};

// A process named beyond doubt: a pid alone may be another process later.
struct ProcessMark {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot, from /proc
  friend bool operator==(const ProcessMark&, const ProcessMark&) = default;
};

// The mark of a running process; nullopt when there is none of that pid, or only its remains.
std::optional<ProcessMark> MarkOf(pid_t pid);

class ChildProcess {
 public:
  // Starts the program without a shell. The environment gets ASYA_CONTROL_FD: a pipe whose other end this process
  // holds, so that the child sees its end. kUnavailable with the program's name when it cannot be started.
  static Result<ChildProcess> Start(const ProgramStart& start);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  // Kills its group if it still runs.
  ~ChildProcess();

  [[nodiscard]] const ProcessMark& mark() const { return mark_; }
  // Readable when the process has ended.
  [[nodiscard]] int end_fd() const { return end_.get(); }
  // Non-blocking; standard output and error together.
  [[nodiscard]] int output_fd() const { return output_.get(); }
  void Signal(int signal) const;
  // Ends all processes of its group at once.
  void KillGroup() const;
  // After end_fd() became readable: how it ended, e.g. "exited with status 1" or "was ended by signal 9 (Killed)".
  // What it left running in its group is killed. nullopt while it runs.
  std::optional<std::string> Reap();

 private:
  ChildProcess() = default;
  ProcessMark mark_;  // pid 0: none, or reaped
  UniqueFd end_;
  UniqueFd output_;
  UniqueFd control_;
};

}  // namespace asya::cluster::local
