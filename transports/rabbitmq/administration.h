// Administration: makes, removes and measures queues on RabbitMQ, sends messages, and finds out where there is work.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"
#include "transports/net/loop.h"
#include "transports/rabbitmq/address.h"
#include "transports/rabbitmq/calls.h"
#include "transports/rabbitmq/kept_numbers.h"
#include "transports/rabbitmq/link.h"
#include "transports/rabbitmq/management.h"
#include "transports/rabbitmq/publishing.h"
#include "transports/rabbitmq/topology.h"

namespace asya::transports::rabbitmq {

struct AdministrationSettings {
  BrokerAddress address;
  std::string exchange;  // made, and bound to each queue; empty: the default exchange
  QueueType queue_type = QueueType::kQuorum;
  std::string management_url;  // empty: none; then messages in work are not counted and List() knows our own calls only
  std::size_t message_bytes_max = 16U << 20U;
  std::chrono::milliseconds ask_limit{30'000};  // for one answer of the broker
  // Between two looks for queues with work, while anybody wants hints; of many queues, each look is at the next ones.
  std::chrono::milliseconds hint_poll{250};
  std::size_t looks_max = 250;  // queues that are looked at together
};

// Not told by RabbitMQ, and 0 in QueueStats: how many messages of a queue wait for their retry, the age of the oldest.
// Methods block; from any thread.
class Administration final : public ports::QueueAdmin, public ports::Publisher {
 public:
  Administration(const AdministrationSettings& settings, const Clock& clock);
  ~Administration() override;

  void Start();
  void Stop();

  // kConflict also when the queue is there with another type.
  Status Ensure(const ports::QueueSpec& spec) override;
  // Without `force` also refused while the queue has consumers: they may hold messages; and while the management API,
  // where there is one, does not tell how many are held.
  Status Remove(const std::string& name, bool force) override;
  // While the management API does not answer, a queue with waiting messages has the other numbers as they were last,
  // and of one without it is an error: nobody knows whether there is work.
  Result<ports::QueueStats> Stats(const std::string& name) override;
  Result<std::vector<std::string>> List() override;
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string& queue)> on_work) override;
  // kTimeout: the outcome is unknown.
  Status Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) override;
  // The largest body that the queues take, as far as the settings or the broker have said.
  [[nodiscard]] std::size_t MessageLimitBytes() const { return message_bytes_max_; }

 private:
  using Job = std::function<void(const Status& connected)>;
  using Build = std::function<std::string(int broker_version)>;

  // Blocking halves.
  Result<Method> Ask(const Build& build);
  Status DeclareSharedOnce();
  Result<Method> Look(const std::string& queue);
  // The thread.
  void Work();
  void Connect();
  void Drive();
  void Lose(const Error& error);
  void RunWaiting();
  void PollForWork();
  std::vector<std::string> NextToLookAt();
  void OnArrival(const Arrival& arrival);
  [[nodiscard]] bool WantsHints();
  void Tell(const std::string& queue);
  void Wait();

  const AdministrationSettings settings_;
  const Clock& clock_;
  std::optional<Management> management_;
  std::optional<KeptNumbers> numbers_;  // of `management_`
  net::Loop loop_;
  std::thread thread_;
  std::atomic<std::size_t> message_bytes_max_;  // written by the thread

  // Of the thread alone.
  std::unique_ptr<Link> link_;
  std::unique_ptr<Publishing> publishing_;
  std::unique_ptr<Calls> looks_;  // apart: nobody who makes a queue waits for them
  std::string looked_last_;       // the queue
  bool ready_ = false;
  std::optional<Error> broken_;
  std::vector<Job> waiting_;  // for the connection; bounded by the callers, who block
  SteadyTime poll_at_{};
  bool polling_ = false;
  bool stopping_ = false;

  std::recursive_mutex mutex_;    // of what follows
  std::set<std::string> queues_;  // made, or asked for and found
  bool shared_declared_ = false;
  std::list<std::function<void(const std::string&)>> subscribers_;
};

}  // namespace asya::transports::rabbitmq
