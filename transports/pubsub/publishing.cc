#include "transports/pubsub/publishing.h"

#include <iterator>
#include <set>
#include <utility>

namespace asya::transports::pubsub {
namespace {

Error NoQueue(const std::string& queue) { return {ErrorCode::kUnroutable, "there is no queue " + queue, queue}; }

}  // namespace

Publishing::Publishing(Channel& channel, std::string project, const Clock& clock)
    : channel_(&channel), project_(std::move(project)), clock_(clock) {}

// A topic without a subscription would take messages and drop them: so it is the subscription that is looked for.
void Publishing::Send(std::vector<Publication> batch, Done done) {
  const BatchId id = ++last_batch_;
  Batch& taken = batches_[id];
  taken.messages = std::move(batch);
  taken.done = std::move(done);
  std::set<std::string> unknown;
  const SteadyTime now = clock_.Steady();
  for (const Publication& message : taken.messages) {
    const auto known = known_queues_.find(message.queue);
    if (known == known_queues_.end() || known->second + kQueueKnownFor <= now) unknown.insert(message.queue);
  }
  taken.open = unknown.size();
  for (const std::string& queue : unknown) AskForQueue(id, queue);
  if (unknown.empty()) Enqueue(taken, id);
}

void Publishing::AskForQueue(BatchId id, const std::string& queue) {
  channel_->Call(kGetSubscription, EncodeName(SubscriptionName(project_, queue)), kPublishLimit,
                 [this, id, queue](const Result<std::string>& answer) {
                   std::optional<Error> error;
                   if (answer.ok()) {
                     known_queues_[queue] = clock_.Steady();
                   } else {
                     // There is nothing else in the question that could be wrong but the name.
                     const ErrorCode code = answer.error().code;
                     const bool nowhere = code == ErrorCode::kNotFound || code == ErrorCode::kInvalid;
                     error = nowhere ? NoQueue(queue) : answer.error();
                   }
                   Settled(id, 1, error);
                 });
}

void Publishing::Settled(BatchId id, std::size_t count, const std::optional<Error>& error) {
  const auto found = batches_.find(id);
  if (found == batches_.end()) return;
  Batch& batch = found->second;
  if (error && !batch.error) batch.error = error;
  batch.open -= count;
  if (batch.open > 0) return;
  if (!batch.sent && !batch.error) return Enqueue(batch, id);
  const Done done = std::move(batch.done);
  const Status outcome = batch.error ? Status(*batch.error) : Ok();
  batches_.erase(found);
  done(outcome);
}

void Publishing::Enqueue(Batch& batch, BatchId id) {
  batch.sent = true;
  batch.open = batch.messages.size();
  for (Publication& message : std::exchange(batch.messages, {})) {
    queues_[message.queue].push_back({id, EncodeMessage(message.body, message.attributes)});
  }
  if (batch.open == 0) {
    batch.open = 1;
    Settled(id, 1, std::nullopt);
  }
}

void Publishing::Pump() {
  for (auto at = queues_.begin(); at != queues_.end();) {
    while (!at->second.empty() && calls_ < kPublishCallsMax && (bytes_ == 0 || bytes_ < kUnpublishedBytesMax)) {
      SendSome(at->first, at->second);
    }
    at = at->second.empty() ? queues_.erase(at) : std::next(at);
  }
}

void Publishing::SendSome(const std::string& queue, std::deque<Waiting>& waiting) {
  std::vector<std::string> messages;
  std::vector<Waiting> sent;
  std::size_t size = 0;
  while (!waiting.empty() && sent.size() < kPublishMessagesMax) {
    Waiting& next = waiting.front();
    const bool alone = next.alone || (!sent.empty() && sent.front().alone);
    if (!sent.empty() && (alone || size + next.message.size() > kPublishBytesMax)) break;
    size += next.message.size();
    messages.push_back(next.message);
    sent.push_back(std::move(next));
    waiting.pop_front();
  }
  // Nobody needs it again then.
  if (sent.size() == 1) std::string().swap(sent.front().message);
  ++calls_;
  bytes_ += size;
  channel_->Call(kPublish, EncodePublish(TopicName(project_, queue), messages), kPublishLimit,
                 [this, queue, size, sent = std::move(sent)](const Result<std::string>& answer) mutable {
                   --calls_;
                   bytes_ -= size;
                   Answered(queue, std::move(sent), answer);
                 });
}

void Publishing::Answered(const std::string& queue, std::vector<Waiting> sent, const Result<std::string>& answer) {
  std::optional<Error> error;
  if (!answer.ok()) {
    known_queues_.erase(queue);
    error = answer.error().code == ErrorCode::kNotFound ? NoQueue(queue) : answer.error();
  }
  // One message may be to blame, and those of others are not to fail with it.
  if (error && error->code == ErrorCode::kInvalid && sent.size() > 1) {
    std::deque<Waiting>& waiting = queues_[queue];
    for (Waiting& one : sent) one.alone = true;
    waiting.insert(waiting.begin(), std::make_move_iterator(sent.begin()), std::make_move_iterator(sent.end()));
    return;
  }
  std::map<BatchId, std::size_t> owners;
  for (const Waiting& one : sent) ++owners[one.batch];
  for (const auto& [batch, count] : owners) Settled(batch, count, error);
}

}  // namespace asya::transports::pubsub
