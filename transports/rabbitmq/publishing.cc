#include "transports/rabbitmq/publishing.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "transports/rabbitmq/topology.h"

namespace asya::transports::rabbitmq {
namespace {

constexpr std::uint16_t kPublishChannel = 1;
constexpr std::uint16_t kCallChannel = 2;
constexpr std::size_t kKnownQueuesMax = 4096;  // then all are asked for again

Error NoQueue(const std::string& queue) {
  constexpr std::size_t kShown = 300;
  return {ErrorCode::kUnroutable, "there is no queue " + queue.substr(0, kShown), queue};
}

Properties PropertiesOf(const Publication& publication, std::uint64_t tag) {
  Properties properties;
  properties.headers.visible_at_us = publication.visible_at.time_since_epoch().count();
  if (publication.losses > 0) properties.headers.losses = publication.losses;
  if (publication.pardoned != 0) properties.headers.pardoned = static_cast<std::int64_t>(publication.pardoned);
  if (publication.hearings > 0) properties.headers.hearings = publication.hearings;
  properties.content_type = "application/json";
  // A message that is returned says by this which one it was.
  properties.correlation_id = std::to_string(tag);
  properties.message_id = publication.message->message_id.substr(0, kShortStringBytesMax);
  properties.timestamp_s = publication.visible_at.time_since_epoch().count() / 1'000'000;
  if (publication.delay.count() > 0)
    properties.expiration = std::to_string(std::min(publication.delay, kLongestDelay).count());
  return properties;
}

}  // namespace

Publishing::Publishing(Link& link, std::string exchange, const Clock& clock)
    : link_(link), exchange_(std::move(exchange)), clock_(clock), calls_(link, kCallChannel, clock) {}

void Publishing::Open() {
  link_.Send(kPublishChannel, OpenChannel());
  link_.Send(kPublishChannel, SelectConfirm());
  calls_.Open();
}

void Publishing::Send(std::vector<Publication> messages, Done done) {
  const BatchId id = ++last_batch_;
  Batch& batch = batches_[id];
  batch.messages = std::move(messages);
  batch.done = std::move(done);
  for (const Publication& publication : batch.messages) {
    const std::string& queue = publication.message->queue;
    if (queue.size() > kShortStringBytesMax) batch.error = NoQueue(queue);
  }
  if (!batch.error) Prepare(id, batch);
  if (batch.questions == 0) ready_.push_back(id);
}

// A single message is simply sent: if it comes back, nothing has happened. Several must not be there in part.
void Publishing::Prepare(BatchId id, Batch& batch) {
  const bool single = batch.messages.size() == 1;
  if (single && batch.messages.front().delay.count() == 0) return;
  std::set<std::string> queues;
  std::set<std::chrono::milliseconds> steps;
  std::set<std::string> unbound;
  const SteadyTime now = clock_.Steady();
  for (const Publication& publication : batch.messages) {
    const std::string& queue = publication.message->queue;
    if (publication.delay.count() > 0) {
      const DelayStep step = StepFor(publication.delay);
      if (!known_steps_.contains(step.time)) steps.insert(step.time);
      if (!bound_queues_.contains(queue)) unbound.insert(queue);
      continue;
    }
    const auto known = known_queues_.find(queue);
    if (known == known_queues_.end() || known->second < now) queues.insert(queue);
  }
  if (single) queues.clear();
  batch.questions = queues.size() + steps.size() + unbound.size();
  for (const auto& step : steps) AskForStep(id, step);
  for (const std::string& queue : unbound) AskForBinding(id, queue);
  for (const std::string& queue : queues) AskForQueue(id, queue);
}

void Publishing::AskForQueue(BatchId id, const std::string& queue) {
  calls_.Call(DeclareQueue(queue, Existing::kPassive, {}), [this, id, queue](const Result<Method>& answer) {
    std::optional<Error> error;
    if (answer.ok()) {
      if (known_queues_.size() >= kKnownQueuesMax) known_queues_.clear();
      known_queues_[queue] = clock_.Steady() + kQueueKnownFor;
    } else {
      error = answer.error().code == ErrorCode::kNotFound ? NoQueue(queue) : answer.error();
    }
    Answered(id, error);
  });
}

void Publishing::AskForStep(BatchId id, std::chrono::milliseconds time) {
  std::vector<std::string> methods = DeclareShared();
  for (std::string& method : DeclareStep(StepFor(time))) methods.push_back(std::move(method));
  for (std::size_t i = 0; i + 1 < methods.size(); ++i) calls_.Call(std::move(methods[i]), [](const Result<Method>&) {});
  calls_.Call(std::move(methods.back()), [this, id, time](const Result<Method>& answer) {
    if (answer.ok()) known_steps_.insert(time);
    Answered(id, answer.ok() ? std::nullopt : std::optional<Error>(answer.error()));
  });
}

// What comes due for a queue that nobody has bound would be lost: one made by hand, or brought back without its
// bindings. Whom the broker does not allow to bind it has to trust that the server has.
void Publishing::AskForBinding(BatchId id, const std::string& queue) {
  std::vector<BatchId>& waiting = bindings_[queue];
  waiting.push_back(id);
  if (waiting.size() > 1) return;
  calls_.Call(BindQueue(queue, kDueExchange, queue), [this, queue](const Result<Method>& answer) {
    std::optional<Error> error;
    if (!answer.ok()) error = answer.error().code == ErrorCode::kNotFound ? NoQueue(queue) : answer.error();
    if (error && error->code == ErrorCode::kForbidden) {
      if (on_unbound_) on_unbound_(error->message);
      error.reset();
    }
    if (!error) bound_queues_.insert(queue);
    const auto asked = bindings_.extract(queue);
    for (const BatchId asking : asked.mapped()) Answered(asking, error);
  });
}

void Publishing::Answered(BatchId id, const std::optional<Error>& error) {
  const auto found = batches_.find(id);
  if (found == batches_.end()) return;
  Batch& batch = found->second;
  if (error && !batch.error) batch.error = error;
  if (--batch.questions == 0) ready_.push_back(id);
}

void Publishing::Pump() {
  while (!ready_.empty()) {
    const BatchId id = ready_.front();
    const auto found = batches_.find(id);
    if (found != batches_.end()) {
      Batch& batch = found->second;
      while (!batch.error && batch.sent < batch.messages.size()) {
        if (!SendNext(id, batch)) return;
      }
      FinishIfDone(id);
    }
    ready_.pop_front();
  }
}

bool Publishing::SendNext(BatchId id, Batch& batch) {
  Publication& publication = batch.messages[batch.sent];
  const ports::Outgoing& message = *publication.message;
  const std::size_t bytes = message.body.size();
  const bool full = confirms_.count() >= kUnconfirmedMax ||
                    (confirms_.count() > 0 && confirms_.bytes() + bytes > kUnconfirmedBytesMax);
  if (full || link_.blocked() || !link_.open()) return false;
  ++batch.sent;
  ++batch.open;
  const std::uint64_t tag = confirms_.Add(id, bytes, clock_.Steady());
  if (publication.delay.count() > 0) {
    link_.Send(kPublishChannel, Publish(StepFor(publication.delay).name, message.queue));
  } else {
    // Most go to the same queue as the one before.
    if (last_queue_ != message.queue || last_publish_.empty()) {
      last_queue_ = message.queue;
      last_publish_ = Publish(exchange_, message.queue);
    }
    link_.Send(kPublishChannel, last_publish_);
  }
  link_.SendContent(kPublishChannel, PropertiesOf(publication, tag), message.body);
  publication.message.reset();
  return true;
}

Result<bool> Publishing::Take(const Arrival& arrival) {
  if (calls_.Take(arrival)) return true;
  if (arrival.channel != kPublishChannel) return false;
  switch (arrival.method.id) {
    case MethodId::kReturn:
      OnReturn(arrival);
      return true;
    case MethodId::kAck:
    case MethodId::kNack:
      ASYA_TRY_STATUS(OnConfirm(arrival.method));
      return true;
    case MethodId::kChannelFlow:
      link_.Send(kPublishChannel, FlowOk(arrival.method.flag));
      return true;
    case MethodId::kChannelClose:
      return ErrorOfClose(arrival.method);
    default:
      return true;
  }
}

void Publishing::OnReturn(const Arrival& arrival) {
  const std::string& text = arrival.properties.correlation_id;
  std::uint64_t tag = 0;
  std::from_chars(text.data(), text.data() + text.size(), tag);
  known_queues_.erase(arrival.method.name);
  if (confirms_.Returned(tag)) returned_[tag] = arrival.method.name;
}

Status Publishing::OnConfirm(const Method& method) {
  const auto confirmed = [this](std::uint64_t tag, BatchId id, Confirms::Outcome outcome) {
    Confirmed(tag, id, outcome);
    returned_.erase(tag);
  };
  const bool known = confirms_.Settle(method.tag, method.flag, method.id == MethodId::kAck, confirmed);
  if (!known) return Invalid("", "a confirm of a message that was never sent");
  return Ok();
}

void Publishing::Confirmed(std::uint64_t tag, BatchId id, Confirms::Outcome outcome) {
  const auto found = batches_.find(id);
  if (found == batches_.end()) return;
  Batch& batch = found->second;
  --batch.open;
  if (outcome == Confirms::Outcome::kRefused && !batch.error) {
    batch.error = asya::Fail(ErrorCode::kUnavailable, "the broker refused a message for now");
  }
  if (outcome == Confirms::Outcome::kReturned) batch.error = NoQueue(returned_[tag]);
  FinishIfDone(id);
}

void Publishing::FinishIfDone(BatchId id) {
  const auto found = batches_.find(id);
  if (found == batches_.end()) return;
  Batch& batch = found->second;
  if (batch.open > 0 || (!batch.error && batch.sent < batch.messages.size())) return;
  const Done done = std::move(batch.done);
  const Status status = batch.error ? Status(*batch.error) : Ok();
  batches_.erase(found);
  done(status);
}

// A broker that is blocked reads nothing from us, neither messages nor questions; its heartbeats go on.
SteadyTime Publishing::deadline() const {
  if (link_.blocked() || confirms_.oldest() == SteadyTime::max()) return calls_.deadline();
  return std::min(calls_.deadline(), std::max(confirms_.oldest(), link_.unblocked_at()) + kConfirmLimit);
}

Status Publishing::CheckDeadlines() const {
  if (clock_.Steady() < deadline()) return Ok();
  return asya::Fail(ErrorCode::kTimeout, "the broker did not answer in time");
}

void Publishing::Fail(const Error& error) {
  calls_.Fail(error);
  std::map<BatchId, Batch> batches;
  batches.swap(batches_);
  ready_.clear();
  for (auto& [id, batch] : batches) batch.done(error);
}

}  // namespace asya::transports::rabbitmq
