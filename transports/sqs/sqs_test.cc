// The SQS transport on the conformance suite, against moto, which checks every signature.
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "tests/support/moto_region.h"
#include "transports/conformance/message_queue_suite.h"
#include "transports/sqs/administration.h"
#include "transports/sqs/consumer.h"

namespace asya::transports::conformance {
namespace {

using tests::MotoRegion;

constexpr std::chrono::seconds kVisibility{60};
// What a dead consumer held comes back when it has passed; long enough for a busy machine.
constexpr std::chrono::seconds kShortVisibility{4};

class SqsTransport final : public Transport {
 public:
  SqsTransport(bool tls, std::size_t message_bytes_max)
      : random_(SystemSeed()), service_(region_.service(tls)), message_bytes_max_(message_bytes_max) {
    sqs::AdministrationSettings settings;
    settings.service = service_;
    settings.message_bytes_max = message_bytes_max_;
    settings.visibility = kVisibility;
    settings.hint_poll = std::chrono::milliseconds(100);
    administration_ = std::make_unique<sqs::Administration>(settings, RealClock());
    administration_->Start();
  }
  void ExpectDeaths() override { visibility_ = kShortVisibility; }
  ports::QueueAdmin& Admin() override { return *administration_; }
  ports::Publisher& Publisher() override { return *administration_; }
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    sqs::ConsumerSettings settings;
    settings.service = service_;
    settings.queue = queue;
    settings.wait = std::chrono::seconds(2);
    settings.visibility = visibility_;
    settings.message_bytes_max = message_bytes_max_;
    return std::make_unique<sqs::Consumer>(settings, RealClock(), random_);
  }
  void Cut(ports::MessageQueue& consumer) override { dynamic_cast<sqs::Consumer&>(consumer).Abandon(); }
  // The server keeps nothing over a restart: what a client sees of one is that nobody answers for a while.
  void RestartBroker() override { region_.GoDown(static_cast<int>(visibility_.count()) + 2); }
  [[nodiscard]] bool DealsOut() const override { return false; }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return message_bytes_max_ - sqs::kAttributesBytesMax; }
  [[nodiscard]] Knowledge Knows() const override {
    Knowledge knows;
    knows.totals = knows.oldest_age = knows.started = knows.order = false;
    knows.backlog = 600;
    knows.delay_step = std::chrono::seconds(1);
    return knows;
  }

 private:
  MotoRegion region_;
  Random random_;
  const sqs::ServiceSettings service_;
  const std::size_t message_bytes_max_;
  std::chrono::seconds visibility_ = kVisibility;
  std::unique_ptr<sqs::Administration> administration_;
};

TransportUnderTest Tested(const std::string& name, bool tls, std::size_t message_bytes_max) {
  return {name, [=]() -> std::unique_ptr<Transport> {
            if (!MotoRegion::IsThere()) return nullptr;
            return std::make_unique<SqsTransport>(tls, message_bytes_max);
          }};
}

INSTANTIATE_TEST_SUITE_P(Sqs, MessageQueueSuite,
                         ::testing::Values(Tested("large", false, sqs::kMessageBytesMost),
                                           Tested("tls", true, 256U * 1024)),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace asya::transports::conformance
