// Job: one leased message on its way through this relay.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "model/envelope.h"
#include "ports/message_queue.h"
#include "relay/answer.h"
#include "relay/forward.h"

namespace asya::relay {

using JobNumber = std::uint64_t;

enum class Stage {
  kWaiting,     // leased, nothing has begun
  kBeginning,   // the queue is told that the call begins
  kBegun,       // may be called
  kRunning,     // the handler runs
  kConfirming,  // the gateway is told of the end
  kSettling,    // the queue is told of the outcome
  kPausing,     // the settlement failed and is tried again later
};

struct Job {
  JobNumber number = 0;
  ports::DeliveryTag tag;
  bool leased = true;        // false once the connection was lost: an outcome waits for the message to come again
  SteadyTime orphaned_at{};  // since when its outcome, or else the call, is without a lease
  Stage stage = Stage::kWaiting;
  std::string body;  // as delivered, until the call has taken it
  model::Envelope envelope;
  std::int64_t crashes = 0;   // calls of it that ended with the death of the worker or relay
  bool suspect = false;       // it may be what kills the worker: runs alone
  bool shared_crash = false;  // of a call that runs: a worker died beside it
  std::string last_end;       // of the worker that it ran in last, once that is told: "killed by SIGSEGV"
  bool awaits_end = false;    // that worker died, and the runtime has not told how
  WallTime enqueued_at{};
  WallTime received_at{};
  WallTime called_at{};
  std::chrono::microseconds work{0};
  WallTime settled_from{};
  bool is_first = false;  // of this process: it waited for the cold start
  bool has_outcome = false;
  std::shared_ptr<const ports::Settlement> settlement;  // once it has an outcome
  std::string outcome;                                  // label of messages_processed_total
  std::string final_report;                             // JSON to confirm before the settlement; empty if none
  std::string message_type;                             // label of messages_sent_total
  std::string error_type;                               // of a call that failed; for the trace
  int settle_attempts = 0;
  std::unique_ptr<CallListener> listener;

  // What is held for it, nearly.
  [[nodiscard]] std::size_t Bytes() const {
    std::size_t bytes = body.size() + envelope.payload.size() + final_report.size();
    if (settlement == nullptr) return bytes;
    for (const ports::Outgoing& message : settlement->publish) bytes += message.body.size();
    return bytes + settlement->retry_body.size();
  }

  [[nodiscard]] std::string Key() const { return AttemptKey(envelope); }
};

}  // namespace asya::relay
