// The Pub/Sub transport on the conformance suite, against Google's own fake.
#include <gtest/gtest.h>

#include <charconv>

#include "core/base/random.h"
#include "tests/support/pubsub_project.h"
#include "tests/support/tcp_proxy.h"
#include "transports/conformance/message_queue_suite.h"
#include "transports/pubsub/administration.h"
#include "transports/pubsub/consumer.h"

namespace asya::transports::conformance {
namespace {

std::uint16_t PortOf(const pubsub::PubsubAddress& address) {
  std::uint16_t port = 0;
  std::from_chars(address.port.data(), address.port.data() + address.port.size(), port);
  return port;
}

class PubsubTransport final : public Transport {
 public:
  PubsubTransport() : random_(SystemSeed()), proxy_(PortOf(project_.address())), address_(project_.address()) {
    address_.port = std::to_string(proxy_.port());
    Administrate(kLeaseS);
  }
  void ExpectDeaths() override { Administrate(kShortLeaseS); }
  ports::QueueAdmin& Admin() override { return *administration_; }
  ports::Publisher& Publisher() override { return *administration_; }
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    pubsub::ConsumerSettings settings;
    settings.address = address_;
    settings.queue = queue;
    return std::make_unique<pubsub::Consumer>(settings, RealClock(), random_);
  }
  void Cut(ports::MessageQueue& consumer) override { dynamic_cast<pubsub::Consumer&>(consumer).Abandon(); }
  // The fake keeps nothing over a restart: what a client sees of one is the end of all connections.
  void RestartBroker() override { proxy_.Cut(); }
  [[nodiscard]] bool DealsOut() const override { return false; }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return pubsub::kBodyBytesMax; }
  [[nodiscard]] Knowledge Knows() const override {
    return {.oldest_age = false, .started = false, .order = false, .delay_step = std::chrono::milliseconds(1500)};
  }

 private:
  static constexpr int kLeaseS = 10;
  // A dead consumer's messages wait for it; the fake takes less than Google's 10.
  static constexpr int kShortLeaseS = 3;

  // By one that makes queues with such a lease.
  void Administrate(int lease_s) {
    pubsub::AdministrationSettings settings;
    settings.address = address_;
    settings.ack_deadline_s = lease_s;
    administration_ = std::make_unique<pubsub::Administration>(settings, RealClock());
    administration_->Start();
  }

  tests::PubsubProject project_;
  Random random_;
  tests::TcpProxy proxy_;
  pubsub::PubsubAddress address_;
  std::unique_ptr<pubsub::Administration> administration_;
};

INSTANTIATE_TEST_SUITE_P(Pubsub, MessageQueueSuite,
                         ::testing::Values(TransportUnderTest{"pstest",
                                                              []() -> std::unique_ptr<Transport> {
                                                                if (!tests::PubsubProject::IsThere()) return nullptr;
                                                                return std::make_unique<PubsubTransport>();
                                                              }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace asya::transports::conformance
