// LocalStack: a real asya-server for an empty project, in a folder of its own.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "bench/api/measure.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_folder.h"

namespace asya::bench {

struct Installation {
  std::string programs;  // folder of asya-server and asya-relay
  std::string runtime;   // asya_runtime.pyz
  std::string crew;      // folder that holds asya_crew
  std::string python;
};

class LocalStack {
 public:
  // Waits until it answers; ends the program when it does not.
  explicit LocalStack(const Installation& installation);
  ~LocalStack();
  [[nodiscard]] ApiUnderTest api() const { return api_; }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }
  // Actors of the namespace that were reconciled: their status has a phase other than Creating.
  [[nodiscard]] int Reconciled(const std::string& namespace_) const;

 private:
  tests::TemporaryFolder folder_;
  std::unique_ptr<tests::ChildProcess> process_;
  ApiUnderTest api_;
};

}  // namespace asya::bench
