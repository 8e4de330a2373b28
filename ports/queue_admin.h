// QueueAdmin: making, changing, removing and measuring queues; used by the control plane only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace asya::ports {

struct QueueSpec {
  std::string name;       // "asya-{namespace}-{actor}"
  std::string owner_uid;  // uid of the AsyncActor that owns it; a queue of another owner is kConflict
};

struct QueueStats {
  std::int64_t visible = 0;    // waiting and deliverable now
  std::int64_t delayed = 0;    // waiting for their retry time
  std::int64_t in_flight = 0;  // leased
  std::chrono::microseconds oldest_age{0};  // of the oldest visible message
  std::int64_t arrived_total = 0;  // ever published, since the process started
  std::int64_t settled_total = 0;  // ever acked, since the process started
};

class QueueAdmin {
 public:
  virtual ~QueueAdmin() = default;
  // Idempotent: creates the queue or finds it as it should be. kConflict: another owner.
  virtual Status Ensure(const QueueSpec& spec) = 0;
  // Idempotent. kConflict with the count in the message when it holds messages and `force` is false.
  virtual Status Remove(const std::string& name, bool force) = 0;
  // kNotFound: no such queue.
  virtual Result<QueueStats> Stats(const std::string& name) = 0;
  virtual Result<std::vector<std::string>> List() = 0;
  // Calls `on_work` (any thread, must not block) soon after a message became visible in a queue; hints may be coalesced
  // or lost, the depth is the truth. Ends when the returned object is destroyed.
  [[nodiscard]] virtual std::shared_ptr<void> SubscribeHints(std::function<void(const std::string& queue)> on_work) = 0;
};

}  // namespace asya::ports
