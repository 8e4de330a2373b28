// Stage: queues on a broker, one program that takes from the first and sends to the next, and the runtime it calls.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/relay/backend.h"
#include "core/base/result.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_folder.h"

namespace asya::bench {

constexpr int kConcurrency = 16;
constexpr std::size_t kPayloadBytes = 1024;

struct Programs {
  std::string folder;              // of the relays, bench_echo_runtime and bench_raw_rabbitmq
  std::string python;              // interpreter
  std::string archive;             // the Python runtime; empty: the native one takes its place
  std::vector<std::string> under;  // the command that runs what is measured, such as valgrind; empty: none
};

using SteadyTime = std::chrono::steady_clock::time_point;

class Stage {
 public:
  // Opens the broker, makes the queues and starts the runtime; waits until it is ready.
  static Result<std::unique_ptr<Stage>> Open(const Programs& programs, const OpenBackend& open);
  ~Stage();

  // Puts envelopes with so many bytes of payload into the first queue; their route has one more step.
  Status Publish(int count, std::size_t payload_bytes = kPayloadBytes);
  static std::string EnvelopeOf(int number, std::size_t payload_bytes = kPayloadBytes);
  // Bytes of one envelope as it lies in the queue.
  static std::size_t EnvelopeBytes(std::size_t payload_bytes = kPayloadBytes);
  void StartRelay();
  // A raw client takes the place of the relay: bench_raw_rabbitmq WAY, with what follows on its command line.
  void StartRaw(const std::string& way, const std::string& last);
  // Waits until so many have reached the next queue since the start; the moment when that was seen.
  Result<SteadyTime> UntilPassed(std::int64_t count);
  [[nodiscard]] std::int64_t passed() { return backend_->passed(); }
  [[nodiscard]] std::int64_t commits() { return backend_->commits(); }
  [[nodiscard]] pid_t relay_pid() const { return relay_->pid(); }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  // From the start of the relay's process to its first call of the (native) runtime.
  [[nodiscard]] std::chrono::nanoseconds StartToFirstCall() const;

 private:
  explicit Stage(Programs programs) : programs_(std::move(programs)) {}
  Status StartRuntime();
  void Start(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment);

  Programs programs_;
  tests::TemporaryFolder folder_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<tests::ChildProcess> runtime_;
  std::unique_ptr<tests::ChildProcess> relay_;
  SteadyTime relay_started_{};
};

}  // namespace asya::bench
