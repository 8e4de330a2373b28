// Publishing: messages on one link, confirmed and mandatory, many under way at once; a batch counts as a whole.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "ports/message_queue.h"
#include "transports/rabbitmq/calls.h"
#include "transports/rabbitmq/confirms.h"
#include "transports/rabbitmq/link.h"
#include "transports/rabbitmq/pardons.h"

namespace asya::transports::rabbitmq {

constexpr std::size_t kUnconfirmedMax = 1024;
constexpr std::size_t kUnconfirmedBytesMax = 16U << 20U;  // but one message may always be under way
constexpr std::chrono::seconds kConfirmLimit{60};         // a publish unconfirmed for longer ends its link
constexpr std::chrono::seconds kQueueKnownFor{30};        // how long a queue that was there is taken to be there

struct Publication {
  std::shared_ptr<const ports::Outgoing> message;  // the name of its queue is the routing key
  WallTime visible_at{};
  std::chrono::milliseconds delay{0};  // 0: at once
  // Of a copy; see pardons.h.
  std::int64_t losses = 0;
  LossSet pardoned = 0;
  std::int64_t hearings = 0;
};

class Publishing {
 public:
  using Done = std::function<void(Status)>;

  // `exchange`: where messages that are not delayed go; empty for the default exchange, which knows every queue.
  Publishing(Link& link, std::string exchange, const Clock& clock);
  // Told, with the broker's words, when it does not allow to bind a queue for what was delayed; that is sent as it is.
  void OnUnbound(std::function<void(const std::string&)> on_unbound) { on_unbound_ = std::move(on_unbound); }

  // The link has opened.
  void Open();
  // `done` gets ok when all are confirmed. kUnroutable with the queue in `field`: at least one has no queue; none was
  // sent if there are several and one queue was known to be missing. kUnavailable: the broker refused one for now.
  void Send(std::vector<Publication> batch, Done done);
  // Whether the arrival was for us. An error ends the link.
  Result<bool> Take(const Arrival& arrival);
  // Sends what the window allows. To be called once a turn.
  void Pump();
  // kTimeout: something waits for longer than it may, and the link is to be given up.
  [[nodiscard]] Status CheckDeadlines() const;
  [[nodiscard]] SteadyTime deadline() const;
  // The link is gone: everybody who waits gets this.
  void Fail(const Error& error);
  [[nodiscard]] bool idle() const { return batches_.empty(); }
  [[nodiscard]] std::size_t unconfirmed() const { return confirms_.count(); }
  Calls& calls() { return calls_; }

 private:
  struct Batch {
    std::vector<Publication> messages;
    Done done;
    std::size_t questions = 0;  // not answered; nothing is sent before
    std::size_t sent = 0;
    std::size_t open = 0;  // sent and not confirmed
    std::optional<Error> error;
  };
  using BatchId = std::uint64_t;

  void Prepare(BatchId id, Batch& batch);
  void AskForQueue(BatchId id, const std::string& queue);
  void AskForStep(BatchId id, std::chrono::milliseconds delay);
  void AskForBinding(BatchId id, const std::string& queue);
  void Answered(BatchId id, const std::optional<Error>& error);
  bool SendNext(BatchId id, Batch& batch);
  void OnReturn(const Arrival& arrival);
  Status OnConfirm(const Method& method);
  void Confirmed(std::uint64_t tag, BatchId id, Confirms::Outcome outcome);
  void FinishIfDone(BatchId id);

  Link& link_;
  const std::string exchange_;
  const Clock& clock_;
  Calls calls_;
  Confirms confirms_;
  std::map<BatchId, Batch> batches_;  // bounded by the leases of a consumer, by the callers of a publisher
  std::deque<BatchId> ready_;         // with something to send
  BatchId last_batch_ = 0;
  std::string last_queue_;
  std::string last_publish_;  // the method for it
  std::unordered_map<std::string, SteadyTime> known_queues_;
  std::set<std::chrono::milliseconds> known_steps_;
  std::function<void(const std::string&)> on_unbound_;
  std::set<std::string> bound_queues_;                       // or refused; of what is delayed: a relay's own alone
  std::map<std::string, std::vector<BatchId>> bindings_;     // asked for, and who waits for them
  std::unordered_map<std::uint64_t, std::string> returned_;  // tag -> queue, until its confirm
};

}  // namespace asya::transports::rabbitmq
