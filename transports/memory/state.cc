#include "transports/memory/state.h"

#include <algorithm>
#include <optional>

namespace asya::transports::memory {

void Broker::State::Start() {
  const std::lock_guard lock(mutex_);
  if (running_) return;
  running_ = true;
  thread_ = std::thread([this] { Work(); });
}

void Broker::State::Stop() {
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Broker::State::Work() {
  std::unique_lock lock(mutex_);
  while (running_) {
    const auto next = WakeDue();
    if (events_.empty()) {
      const auto woken = [this] { return !running_ || !events_.empty(); };
      if (next.has_value()) {
        // One wait, not a loop: a retry made meanwhile may be due sooner than `next`.
        if (!woken()) changed_.wait_for(lock, *next - clock_.Now());
      } else {
        changed_.wait(lock);
      }
      continue;
    }
    auto [consumer, event] = std::move(events_.front());
    events_.pop_front();
    telling_ = consumer;
    lock.unlock();
    event();
    lock.lock();
    telling_ = nullptr;
    changed_.notify_all();
  }
}

std::optional<WallTime> Broker::State::WakeDue() {
  const WallTime now = clock_.Now();
  std::optional<WallTime> next;
  for (auto& [name, queue] : queues_) {
    bool any = false;
    while (!queue.delayed.empty() && queue.delayed.begin()->first <= now) {
      queue.ready.push_back(std::move(queue.delayed.begin()->second));
      queue.delayed.erase(queue.delayed.begin());
      any = true;
    }
    if (any) {
      Hint(name);
      Dispatch(name);
    }
    if (!queue.delayed.empty()) next = std::min(next.value_or(WallTime::max()), queue.delayed.begin()->first);
  }
  return next;
}

void Broker::State::Dispatch(const std::string& name) {
  const auto found = queues_.find(name);
  if (found == queues_.end()) return;
  Queue& queue = found->second;
  std::map<Consumer*, std::vector<ports::Delivery>> batches;
  std::size_t without_credit = 0;
  while (!queue.ready.empty() && without_credit < queue.consumers.size()) {
    Consumer* consumer = queue.consumers.front();
    queue.consumers.pop_front();
    queue.consumers.push_back(consumer);
    if (consumer->credits_ == 0) {
      ++without_credit;
      continue;
    }
    without_credit = 0;
    --consumer->credits_;
    ++queue.in_flight;
    Message message = std::move(queue.ready.front());
    queue.ready.pop_front();
    const ports::DeliveryTag tag(++consumer->last_tag_);
    batches[consumer].push_back(ports::Delivery{tag, message.body, message.crash_count, message.since});
    const std::int64_t crash_count = message.crash_count;
    consumer->leases_.emplace(tag, Consumer::Lease{std::move(message), crash_count});
  }
  for (auto& [consumer, batch] : batches) {
    Tell(*consumer, [consumer = consumer, batch = std::move(batch)] { consumer->events_->OnDeliveries(batch); });
  }
}

void Broker::State::Forbid(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  forbidden_.insert(queue);
}

Status Broker::State::Route(const std::vector<ports::Outgoing>& messages) {
  for (const auto& message : messages) {
    if (message.body.size() > message_bytes_max_) {
      return Fail(ErrorCode::kTooLarge, "a message has " + std::to_string(message.body.size()) +
                                            " bytes; the limit is " + std::to_string(message_bytes_max_));
    }
    if (message.message_id.size() > ports::kMessageIdLimitBytes) {
      return Invalid("message_id", "is longer than 255 bytes");
    }
    if (forbidden_.contains(message.queue)) return Invalid(message.queue, "is no name of a queue");
    if (!queues_.contains(message.queue)) {
      return Error{ErrorCode::kUnroutable, "there is no queue " + message.queue, message.queue};
    }
  }
  std::set<std::string> reached;
  for (const auto& message : messages) {
    Queue& queue = queues_[message.queue];
    queue.ready.push_back(Message{message.body, 0, clock_.Now()});
    ++queue.arrived_total;
    reached.insert(message.queue);
  }
  for (const auto& name : reached) {
    Hint(name);
    Dispatch(name);
  }
  return Ok();
}

void Broker::State::Tell(Consumer& consumer, std::function<void()> event) {
  events_.emplace_back(&consumer, std::move(event));
  changed_.notify_all();
}

void Broker::State::Hint(const std::string& name) {
  events_.emplace_back(nullptr, [this, name] {
    const std::lock_guard lock(subscribers_mutex_);
    for (const auto& subscriber : *subscribers_) subscriber(name);
  });
  changed_.notify_all();
}

}  // namespace asya::transports::memory
