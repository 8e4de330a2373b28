// Publishing: messages on one channel, joined to requests, many under way at once; a batch counts as a whole.
// A request that is refused for what is in it is made again for each of its messages alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "transports/pubsub/channel.h"
#include "transports/pubsub/messages.h"

namespace asya::transports::pubsub {

constexpr std::size_t kPublishCallsMax = 8;               // under way at once
constexpr std::size_t kPublishBytesMax = 1U << 20U;       // of one request; but one message always goes
constexpr std::size_t kUnpublishedBytesMax = 32U << 20U;  // sent and not confirmed; the rest waits
constexpr std::chrono::seconds kPublishLimit{30};
constexpr std::chrono::seconds kQueueKnownFor{30};  // how long a queue that was there is taken to be there
// A message with its attributes has to stay within a request.
constexpr std::size_t kBodyBytesMax = kRequestBytesMax - std::size_t{64} * 1024;

struct Publication {
  std::string queue;
  std::string body;
  Attributes attributes;
};

class Publishing {
 public:
  using Done = std::function<void(Status)>;

  Publishing(Channel& channel, std::string project, const Clock& clock);
  // New calls go over this one; those under way end where they are.
  void Use(Channel& channel) { channel_ = &channel; }

  // `done` gets ok when Pub/Sub has stored all. kUnroutable with the queue in `field`: at least one has no queue, and
  // none was sent if one queue was known to be missing.
  void Send(std::vector<Publication> batch, Done done);
  // Sends what the windows allow. To be called once a turn.
  void Pump();
  [[nodiscard]] bool idle() const { return batches_.empty(); }
  [[nodiscard]] std::size_t unconfirmed() const { return batches_.size(); }
  // The queue is known to be gone or there: for what was learnt elsewhere.
  void Forget(const std::string& queue) { known_queues_.erase(queue); }

 private:
  using BatchId = std::uint64_t;
  struct Batch {
    std::vector<Publication> messages;
    Done done;
    std::size_t open = 0;  // questions before it is sent, then messages not confirmed
    bool sent = false;
    std::optional<Error> error;
  };
  struct Waiting {
    BatchId batch = 0;
    std::string message;  // encoded
    bool alone = false;   // a request of several that it was in was refused as a whole
  };

  void AskForQueue(BatchId id, const std::string& queue);
  void Settled(BatchId id, std::size_t count, const std::optional<Error>& error);
  void Enqueue(Batch& batch, BatchId id);
  void SendSome(const std::string& queue, std::deque<Waiting>& waiting);
  void Answered(const std::string& queue, std::vector<Waiting> sent, const Result<std::string>& answer);

  Channel* channel_;
  const std::string project_;
  const Clock& clock_;
  std::map<BatchId, Batch> batches_;  // bounded by the leases of a consumer, by the callers of a publisher
  std::map<std::string, std::deque<Waiting>> queues_;
  std::unordered_map<std::string, SteadyTime> known_queues_;
  BatchId last_batch_ = 0;
  std::size_t calls_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace asya::transports::pubsub
