// Outbox: first messages of tasks whose queue is on another broker: stored with the task, sent on until confirmed.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/executor.h"
#include "core/observe/log.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"

namespace asya::server {

// A queue of the local broker, so that a task and its first message are one transaction whatever the actor's transport.
class Outbox final : public ports::ConsumerEvents {
 public:
  static constexpr const char* kQueue = "asya-server-outbox";

  // Sends to the brokers of the queues; one outcome a message, in order.
  using Publish = std::function<std::vector<Status>(const std::vector<ports::Outgoing>& messages,
                                                    std::chrono::milliseconds timeout)>;
  // Ends the task of a message that its queue will never take; until that is done the message stays here.
  using Refuse = std::function<Status(const std::string& envelope, const Error& error)>;

  // `queue` consumes kQueue.
  Outbox(Publish publish, Refuse refuse, std::unique_ptr<ports::MessageQueue> queue, observe::Logger logger);
  ~Outbox() override;

  // Makes kQueue where it is missing.
  static Status MakeQueue(ports::QueueAdmin& local) { return local.Ensure({kQueue, "asya-server"}); }
  // Begins to send; kQueue has to be there.
  void Start();
  // Waits for what is with a broker already; the rest stays in kQueue. Idempotent.
  void Stop();

  // What is to be put into kQueue for this message.
  static std::string Wrap(const std::string& queue, std::string_view body) { return queue + "\n" + std::string(body); }

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override;
  void OnStarted(ports::DeliveryTag, Status) override {}
  void OnSettled(ports::DeliveryTag tag, Status status) override;
  void OnConnection(bool connected, const std::string& reason) override;

 private:
  // Takes what waits, as much as goes together, until nothing does.
  void SendWaiting();
  void Send(std::vector<ports::Delivery> batch);
  // Whether the message need not be sent any more.
  bool Done(const ports::Outgoing& message, const Status& sent);
  // Says once that a queue does not take its messages, and once that it does again.
  void Tell(const std::string& queue, const Status& sent);

  const Publish publish_;
  const Refuse refuse_;
  observe::Logger logger_;
  const std::unique_ptr<ports::MessageQueue> queue_;
  Executor executor_;
  std::mutex mutex_;
  std::vector<ports::Delivery> waiting_;  // at most what was granted
  std::set<std::string> held_up_;         // queues whose last message could not be sent
  std::size_t senders_ = 0;               // at work, or about to begin
  bool stopping_ = false;
  std::size_t settled_ = 0;               // and not granted again; on the transport's thread
  bool started_ = false;
};

}  // namespace asya::server
