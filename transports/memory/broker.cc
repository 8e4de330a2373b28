#include "transports/memory/broker.h"

#include "transports/memory/state.h"

namespace asya::transports::memory {

class Broker::AdminOfState final : public ports::QueueAdmin {
 public:
  explicit AdminOfState(State& state) : state_(state) {}
  Status Ensure(const ports::QueueSpec& spec) override { return state_.Ensure(spec); }
  Status Remove(const std::string& name, bool force) override { return state_.Remove(name, force); }
  Result<ports::QueueStats> Stats(const std::string& name) override { return state_.Stats(name); }
  Result<std::vector<std::string>> List() override { return state_.List(); }
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> on_work) override {
    return state_.SubscribeHints(std::move(on_work));
  }

 private:
  State& state_;
};

class Broker::PublisherOfState final : public ports::Publisher {
 public:
  explicit PublisherOfState(State& state) : state_(state) {}
  Status Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds /*timeout*/) override {
    return state_.Publish(messages);
  }

 private:
  State& state_;
};

Broker::Broker(const Clock& clock)
    : state_(std::make_shared<State>(clock)),
      admin_(std::make_unique<AdminOfState>(*state_)),
      publisher_(std::make_unique<PublisherOfState>(*state_)) {}

Broker::~Broker() { Stop(); }

void Broker::Start() { state_->Start(); }
void Broker::Stop() { state_->Stop(); }
ports::QueueAdmin& Broker::Admin() { return *admin_; }
ports::Publisher& Broker::Publisher() { return *publisher_; }

std::unique_ptr<ports::MessageQueue> Broker::NewConsumer(const std::string& queue) {
  return std::make_unique<Consumer>(state_, queue);
}

void Broker::Cut(ports::MessageQueue& consumer) { state_->Cut(dynamic_cast<Consumer&>(consumer)); }
void Broker::CutAll() { state_->CutAll(); }

void Broker::TakeUpTo(std::size_t message_bytes) { state_->TakeUpTo(message_bytes); }

void Broker::Forbid(const std::string& queue) { state_->Forbid(queue); }

Status Broker::State::Ensure(const ports::QueueSpec& spec) {
  const std::lock_guard lock(mutex_);
  const auto [place, made] = queues_.try_emplace(spec.name);
  if (!made) {
    if (place->second.owner == spec.owner_uid) return Ok();
    return Fail(ErrorCode::kConflict, "queue " + spec.name + " belongs to another owner");
  }
  place->second.owner = spec.owner_uid;
  for (Consumer* consumer : consumers_) {
    if (consumer->queue_ == spec.name) Connect(*consumer);
  }
  return Ok();
}

Status Broker::State::Remove(const std::string& name, bool force) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(name);
  if (found == queues_.end()) return Ok();
  Queue& queue = found->second;
  const auto held = static_cast<std::int64_t>(queue.ready.size() + queue.delayed.size()) + queue.in_flight;
  if (held > 0 && !force) {
    return Fail(ErrorCode::kConflict, "queue " + name + " holds " + std::to_string(held) + " messages");
  }
  const auto consumers = queue.consumers;
  queues_.erase(found);
  for (Consumer* consumer : consumers) Disconnect(*consumer, "queue " + name + " was removed");
  return Ok();
}

Result<ports::QueueStats> Broker::State::Stats(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(name);
  if (found == queues_.end()) return Fail(ErrorCode::kNotFound, "there is no queue " + name);
  const Queue& queue = found->second;
  ports::QueueStats stats;
  stats.visible = static_cast<std::int64_t>(queue.ready.size());
  stats.delayed = static_cast<std::int64_t>(queue.delayed.size());
  stats.in_flight = queue.in_flight;
  if (!queue.ready.empty()) stats.oldest_age = clock_.Now() - queue.ready.front().since;
  stats.arrived_total = queue.arrived_total;
  stats.settled_total = queue.settled_total;
  return stats;
}

std::vector<std::string> Broker::State::List() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, queue] : queues_) names.push_back(name);
  return names;
}

std::shared_ptr<void> Broker::State::SubscribeHints(std::function<void(const std::string&)> on_work) {
  const std::lock_guard lock(subscribers_mutex_);
  const auto place = subscribers_->insert(subscribers_->end(), std::move(on_work));
  return {static_cast<void*>(this), [this, place](void*) {
            const std::lock_guard ending(subscribers_mutex_);
            subscribers_->erase(place);
          }};
}

Status Broker::State::Publish(const std::vector<ports::Outgoing>& messages) {
  const std::lock_guard lock(mutex_);
  return Route(messages);
}

}  // namespace asya::transports::memory
