// The memory transport on the conformance suite.
#include "transports/memory/broker.h"

#include <gtest/gtest.h>

#include "transports/conformance/message_queue_suite.h"

namespace asya::transports::conformance {
namespace {

class MemoryTransport final : public Transport {
 public:
  MemoryTransport() : broker_(RealClock()) { broker_.Start(); }
  ports::QueueAdmin& Admin() override { return broker_.Admin(); }
  ports::Publisher& Publisher() override { return broker_.Publisher(); }
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    return broker_.NewConsumer(queue);
  }
  void Cut(ports::MessageQueue& consumer) override { broker_.Cut(consumer); }
  void RestartBroker() override { broker_.CutAll(); }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return memory::kMessageBytesMax; }

 private:
  memory::Broker broker_;
};

INSTANTIATE_TEST_SUITE_P(Memory, MessageQueueSuite,
                         ::testing::Values(TransportUnderTest{"memory",
                                                              [] { return std::make_unique<MemoryTransport>(); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace asya::transports::conformance
