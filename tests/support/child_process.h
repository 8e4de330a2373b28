// ChildProcess: a program that a test starts, ends and waits for.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace asya::tests {

class ChildProcess {
 public:
  // `environment` is all it gets, beside PATH. Its output goes to `log_path`, or where this process's goes if empty.
  ChildProcess(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment,
               const std::string& log_path = "");
  // Kills it if it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void Signal(int number) const;
  // Its exit status, or 128 + signal; blocks.
  int Wait();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  bool ended_ = false;
};

}  // namespace asya::tests
