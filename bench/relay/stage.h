// Stage: a broker on SQLite, one relay program and one runtime program, with envelopes to run through them.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/sql/sqlite/database.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_folder.h"
#include "transports/sqlite/broker.h"

namespace asya::bench {

constexpr int kConcurrency = 16;
constexpr std::size_t kPayloadBytes = 1024;

struct Programs {
  std::string folder;   // of asya-relay and bench_echo_runtime
  std::string python;   // interpreter
  std::string archive;  // the Python runtime; empty: the native one takes its place
};

using SteadyTime = std::chrono::steady_clock::time_point;

class Stage {
 public:
  // Starts broker and runtime; waits until the runtime is ready.
  static Result<std::unique_ptr<Stage>> Open(const Programs& programs);
  ~Stage();

  // Puts envelopes of 1 KiB payload into the queue of the actor; their route has one more step.
  Status Publish(int count);
  // Bytes of one envelope as it lies in the queue.
  static std::size_t EnvelopeBytes();
  void StartRelay();
  // Waits until so many have reached the next queue since the start; the moment when that was seen.
  Result<SteadyTime> UntilPassed(std::int64_t count);
  [[nodiscard]] std::int64_t passed();
  [[nodiscard]] std::int64_t commits() const { return commits_; }
  [[nodiscard]] pid_t relay_pid() const { return relay_->pid(); }
  // From the start of the relay's process to its first call of the (native) runtime.
  [[nodiscard]] std::chrono::nanoseconds StartToFirstCall() const;

 private:
  explicit Stage(Programs programs) : programs_(std::move(programs)) {}
  Status StartBroker();
  Status StartRuntime();

  Programs programs_;
  tests::TemporaryFolder folder_;
  std::atomic<std::int64_t> commits_{0};
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<transports::sqlite::Broker> broker_;
  std::unique_ptr<tests::ChildProcess> runtime_;
  std::unique_ptr<tests::ChildProcess> relay_;
  SteadyTime relay_started_{};
};

}  // namespace asya::bench
