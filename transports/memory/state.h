// State: everything the memory broker knows, behind one lock, and the thread that tells the consumers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "transports/memory/broker.h"

namespace asya::transports::memory {

struct Message {
  std::string body;
  std::int64_t crash_count = 0;
  WallTime since{};
};

class Broker::State {
 public:
  explicit State(const Clock& clock) : clock_(clock) {}

  void Start();
  void Stop();

  Status Ensure(const ports::QueueSpec& spec);
  Status Remove(const std::string& name, bool force);
  Result<ports::QueueStats> Stats(const std::string& name);
  std::vector<std::string> List();
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> on_work);
  Status Publish(const std::vector<ports::Outgoing>& messages);

  void Attach(Consumer& consumer);
  void Detach(Consumer& consumer);
  void Grant(Consumer& consumer, std::size_t count);
  void Revoke(Consumer& consumer);
  void Begin(Consumer& consumer, ports::DeliveryTag tag, std::int64_t crash_count);
  void Settle(Consumer& consumer, const ports::Settlement& settlement);
  void Cut(Consumer& consumer);
  void CutAll();
  void Forbid(const std::string& queue);
  void TakeUpTo(std::size_t message_bytes) { message_bytes_max_ = message_bytes; }
  [[nodiscard]] std::size_t MessageLimitBytes() const { return message_bytes_max_; }

 private:
  using Subscribers = std::list<std::function<void(const std::string&)>>;
  struct Queue {
    std::string owner;
    std::deque<Message> ready;
    std::multimap<WallTime, Message> delayed;
    std::deque<Consumer*> consumers;  // the front is served next
    std::int64_t in_flight = 0;
    std::int64_t arrived_total = 0;
    std::int64_t settled_total = 0;
  };

  // All of these are called with the lock held.
  void Dispatch(const std::string& name);
  void Connect(Consumer& consumer);
  void Disconnect(Consumer& consumer, const std::string& reason);
  void ReturnLeases(Consumer& consumer);
  Status Route(const std::vector<ports::Outgoing>& messages);
  Status Apply(Consumer& consumer, const ports::Settlement& settlement);
  void Hint(const std::string& name);
  void Tell(Consumer& consumer, std::function<void()> event);
  // Makes delayed messages visible; the time of the next one.
  std::optional<WallTime> WakeDue();
  void Work();

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Queue> queues_;
  std::atomic<std::size_t> message_bytes_max_{kMessageBytesMax};
  std::set<std::string> forbidden_;
  std::set<Consumer*> consumers_;
  std::deque<std::pair<Consumer*, std::function<void()>>> events_;  // null: a hint
  Consumer* telling_ = nullptr;
  std::shared_ptr<Subscribers> subscribers_ = std::make_shared<Subscribers>();
  std::recursive_mutex subscribers_mutex_;
  bool running_ = false;
  std::thread thread_;
};

class Broker::Consumer final : public ports::MessageQueue {
 public:
  Consumer(std::shared_ptr<State> state, std::string queue) : queue_(std::move(queue)), state_(std::move(state)) {}
  ~Consumer() override { Consumer::Stop({}); }

  void Start(ports::ConsumerEvents& events) override;
  void Grant(std::size_t count) override { state_->Grant(*this, count); }
  void RevokeCredits() override { state_->Revoke(*this); }
  void Begin(ports::DeliveryTag tag, std::int64_t crash_count) override { state_->Begin(*this, tag, crash_count); }
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override { state_->Settle(*this, *settlement); }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return state_->MessageLimitBytes(); }
  void Stop(std::chrono::milliseconds grace) override;

 private:
  friend class State;
  struct Lease {
    Message message;
    std::int64_t crash_count_before = 0;
  };

  const std::string queue_;
  std::shared_ptr<State> state_;
  ports::ConsumerEvents* events_ = nullptr;
  std::size_t credits_ = 0;
  bool connected_ = false;
  std::uint64_t last_tag_ = 0;
  std::map<ports::DeliveryTag, Lease> leases_;
};

}  // namespace asya::transports::memory
