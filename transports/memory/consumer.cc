#include <algorithm>

#include "transports/memory/state.h"

namespace asya::transports::memory {

void Broker::Consumer::Start(ports::ConsumerEvents& events) {
  events_ = &events;
  state_->Attach(*this);
}

void Broker::Consumer::Stop(std::chrono::milliseconds /*grace*/) {
  // Settlements take effect within the call that makes them, so there is nothing to flush.
  state_->Detach(*this);
}

void Broker::State::Attach(Consumer& consumer) {
  const std::lock_guard lock(mutex_);
  if (!consumers_.insert(&consumer).second) return;
  Connect(consumer);
}

void Broker::State::Detach(Consumer& consumer) {
  std::unique_lock lock(mutex_);
  if (consumers_.erase(&consumer) == 0) return;
  if (consumer.connected_) {
    ReturnLeases(consumer);
    std::erase(queues_[consumer.queue_].consumers, &consumer);
    consumer.connected_ = false;
    Dispatch(consumer.queue_);
  }
  std::erase_if(events_, [&](const auto& event) { return event.first == &consumer; });
  if (std::this_thread::get_id() == thread_.get_id()) return;
  changed_.wait(lock, [&] { return telling_ != &consumer; });
}

void Broker::State::Connect(Consumer& consumer) {
  consumer.credits_ = 0;
  const auto found = queues_.find(consumer.queue_);
  consumer.connected_ = found != queues_.end();
  if (consumer.connected_) found->second.consumers.push_back(&consumer);
  Tell(consumer, [&consumer, connected = consumer.connected_] {
    consumer.events_->OnConnection(connected, connected ? "" : "queue " + consumer.queue_ + " does not exist yet");
  });
}

void Broker::State::Disconnect(Consumer& consumer, const std::string& reason) {
  if (!consumer.connected_) return;
  ReturnLeases(consumer);
  consumer.connected_ = false;
  consumer.credits_ = 0;
  if (const auto found = queues_.find(consumer.queue_); found != queues_.end()) {
    std::erase(found->second.consumers, &consumer);
  }
  // Deliveries not yet told are void already.
  std::erase_if(events_, [&](const auto& event) { return event.first == &consumer; });
  Tell(consumer, [&consumer, reason] { consumer.events_->OnConnection(false, reason); });
}

void Broker::State::ReturnLeases(Consumer& consumer) {
  if (const auto found = queues_.find(consumer.queue_); found != queues_.end()) {
    for (auto lease = consumer.leases_.rbegin(); lease != consumer.leases_.rend(); ++lease) {
      found->second.ready.push_front(std::move(lease->second.message));
      --found->second.in_flight;
    }
  }
  consumer.leases_.clear();
}

void Broker::State::Grant(Consumer& consumer, std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (!consumer.connected_) return;
  consumer.credits_ += count;
  Dispatch(consumer.queue_);
}

void Broker::State::Revoke(Consumer& consumer) {
  const std::lock_guard lock(mutex_);
  consumer.credits_ = 0;
}

void Broker::State::Begin(Consumer& consumer, ports::DeliveryTag tag, std::int64_t crash_count) {
  const std::lock_guard lock(mutex_);
  const auto lease = consumer.leases_.find(tag);
  const bool held = lease != consumer.leases_.end();
  if (held) lease->second.message.crash_count = crash_count;
  Tell(consumer, [&consumer, tag, held] {
    consumer.events_->OnStarted(tag, held ? Ok() : Status(Fail(ErrorCode::kConflict, "the lease was lost")));
  });
}

void Broker::State::Settle(Consumer& consumer, const ports::Settlement& settlement) {
  const std::lock_guard lock(mutex_);
  const Status status = Apply(consumer, settlement);
  Tell(consumer, [&consumer, tag = settlement.tag, status] { consumer.events_->OnSettled(tag, status); });
  // After the outcome, so that a consumer hears of the end of one delivery before the next one that it made room for.
  Dispatch(consumer.queue_);
}

Status Broker::State::Apply(Consumer& consumer, const ports::Settlement& settlement) {
  using Action = ports::Settlement::Action;
  const auto found = consumer.leases_.find(settlement.tag);
  if (found == consumer.leases_.end()) return Fail(ErrorCode::kConflict, "the lease was lost");
  if (settlement.action == Action::kAck) ASYA_TRY_STATUS(Route(settlement.publish));
  if (settlement.retry_body.size() > message_bytes_max_) return Fail(ErrorCode::kTooLarge, "the message is too large");
  Consumer::Lease lease = std::move(found->second);
  consumer.leases_.erase(found);
  Queue& queue = queues_[consumer.queue_];
  --queue.in_flight;
  switch (settlement.action) {
    case Action::kAck:
      ++queue.settled_total;
      break;
    case Action::kRetry: {
      const WallTime due = clock_.Now() + settlement.retry_delay;
      queue.delayed.emplace(due, Message{settlement.retry_body, 0, due});
      changed_.notify_all();
      break;
    }
    case Action::kGiveBack:
      lease.message.crash_count = std::max(lease.crash_count_before, settlement.crash_count);
      queue.ready.push_front(std::move(lease.message));
      break;
  }
  return Ok();
}

void Broker::State::Cut(Consumer& consumer) {
  const std::lock_guard lock(mutex_);
  if (!consumer.connected_) return;
  Disconnect(consumer, "the connection was cut");
  Connect(consumer);
  Dispatch(consumer.queue_);
}

void Broker::State::CutAll() {
  const std::lock_guard lock(mutex_);
  // All leases return before anyone connects again: a broker that restarts has forgotten them all.
  std::vector<Consumer*> cut;
  for (Consumer* consumer : consumers_) {
    if (consumer->connected_) cut.push_back(consumer);
    Disconnect(*consumer, "the broker was restarted");
  }
  for (Consumer* consumer : cut) Connect(*consumer);
}

}  // namespace asya::transports::memory
