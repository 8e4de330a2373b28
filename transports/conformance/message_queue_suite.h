// MessageQueueSuite: what every transport has to do, as test cases that a transport instantiates with its own broker.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/message_queue.h"
#include "ports/queue_admin.h"
#include "transports/conformance/recorder_suite.h"

namespace asya::transports::conformance {

// What a broker can tell; what it cannot is not asked of its transport.
struct Knowledge {
  bool delayed = true;         // how many messages of a queue wait for their retry
  bool totals = true;          // QueueStats' totals, as they are now
  bool oldest_age = true;      // QueueStats::oldest_age
  bool started = true;         // whether a message whose consumer died had been begun; else each such death is counted
  bool order = true;           // messages come in the order in which they were published
  std::size_t backlog = 6000;  // more than any buffer between broker and consumer holds
  // Delays are kept in steps of this: one that is shorter lasts as long.
  std::chrono::milliseconds delay_step{1};
};

// One broker of the transport under test, and what the suite needs to disturb it.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual ports::QueueAdmin& Admin() = 0;
  virtual ports::Publisher& Publisher() = 0;
  // `queue` need not exist yet.
  virtual std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) = 0;
  // Said before all else by a test that lets consumers die: where leases end by time they have to be short then.
  virtual void ExpectDeaths() {}
  // Breaks the consumer's connection as the death of its process would; the consumer then connects again by itself.
  virtual void Cut(ports::MessageQueue& consumer) = 0;
  // Ends the broker without warning and starts it again on the same data.
  virtual void RestartBroker() = 0;
  // The broker deals messages out in turn, rather than consumers taking what they find.
  [[nodiscard]] virtual bool DealsOut() const { return true; }
  // Waits until the broker has so many consumers of a queue, where it learns of one later than the consumer says that
  // it is connected.
  virtual void AwaitConsumers(const std::string& /*queue*/, int /*count*/) {}
  [[nodiscard]] virtual Knowledge Knows() const { return {}; }
  // Largest body it takes.
  [[nodiscard]] virtual std::size_t MessageLimitBytes() const = 0;
};

// `name` of the instance, and how to make a fresh, empty broker; null when the run has no server for it.
struct TransportUnderTest {
  std::string name;
  std::function<std::unique_ptr<Transport>()> make;
};

class MessageQueueSuite : public ::testing::TestWithParam<TransportUnderTest> {
 protected:
  void SetUp() override;

  ports::QueueAdmin& Admin() { return transport_->Admin(); }
  void MakeQueue(const std::string& name);
  void Publish(const std::string& queue, const std::vector<std::string>& bodies);
  // Connected; its credits are granted at each connection.
  std::unique_ptr<Recorder> Consume(const std::string& queue, std::size_t credits);
  ports::QueueStats Stats(const std::string& queue);
  // Waits until the numbers of a queue are these.
  void ExpectDepth(const std::string& queue, std::int64_t visible, std::int64_t delayed, std::int64_t in_flight);
  // What is left in a queue, taken out by a consumer of its own that waits for so many, and may see more.
  std::vector<std::string> TakeAll(const std::string& queue, std::size_t count);
  // Compares in order where the broker keeps one.
  void ExpectBodies(std::vector<std::string> seen, std::vector<std::string> expected) const;

  std::unique_ptr<Transport> transport_;
};

ports::Settlement Ack(ports::DeliveryTag tag, std::vector<ports::Outgoing> publish = {});
ports::Settlement Retry(ports::DeliveryTag tag, std::string body, std::chrono::microseconds delay);
ports::Settlement GiveBack(ports::DeliveryTag tag);

}  // namespace asya::transports::conformance
