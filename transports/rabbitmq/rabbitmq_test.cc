// The RabbitMQ transport on the conformance suite, against a real node.
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "core/base/random.h"
#include "tests/support/rabbitmq_vhost.h"
#include "transports/conformance/message_queue_suite.h"
#include "transports/rabbitmq/administration.h"
#include "transports/rabbitmq/consumer.h"

namespace asya::transports::conformance {
namespace {

using tests::RabbitmqVhost;

class RabbitmqTransport final : public Transport {
 public:
  RabbitmqTransport(rabbitmq::QueueType type, bool tls, std::string exchange)
      : random_(SystemSeed()), exchange_(std::move(exchange)), address_(vhost_.address(tls)) {
    rabbitmq::AdministrationSettings settings;
    settings.address = address_;
    settings.exchange = exchange_;
    settings.queue_type = type;
    settings.management_url = RabbitmqVhost::ManagementUrl();
    administration_ = std::make_unique<rabbitmq::Administration>(settings, RealClock());
    administration_->Start();
  }
  ports::QueueAdmin& Admin() override { return *administration_; }
  ports::Publisher& Publisher() override { return *administration_; }
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    rabbitmq::ConsumerSettings settings{.address = address_, .queue = queue, .exchange = exchange_};
    settings.hearing = std::chrono::milliseconds(100);
    return std::make_unique<rabbitmq::Consumer>(settings, RealClock(), random_);
  }
  void Cut(ports::MessageQueue& consumer) override { dynamic_cast<rabbitmq::Consumer&>(consumer).Abandon(); }
  // The node itself serves other tests: what a client sees of its restart is the end of all connections.
  void RestartBroker() override {
    constexpr int kOneConsumersAndOurs = 3;
    EXPECT_GE(vhost_.CloseConnections(kOneConsumersAndOurs), kOneConsumersAndOurs);
  }
  void AwaitConsumers(const std::string& queue, int count) override {
    EXPECT_GE(vhost_.AwaitConsumers(queue, count), count);
  }
  [[nodiscard]] std::size_t MessageLimitBytes() const override {
    return rabbitmq::ConsumerSettings{}.message_bytes_max;
  }
  [[nodiscard]] Knowledge Knows() const override {
    return {.delayed = false, .totals = false, .oldest_age = false, .started = false};
  }

 private:
  RabbitmqVhost vhost_;
  Random random_;
  const std::string exchange_;
  const rabbitmq::BrokerAddress address_;
  std::unique_ptr<rabbitmq::Administration> administration_;
};

TransportUnderTest Tested(const std::string& name, rabbitmq::QueueType type, bool tls, const std::string& exchange) {
  return {name, [=]() -> std::unique_ptr<Transport> {
            if (!RabbitmqVhost::IsThere()) return nullptr;
            return std::make_unique<RabbitmqTransport>(type, tls, exchange);
          }};
}

INSTANTIATE_TEST_SUITE_P(Rabbitmq, MessageQueueSuite,
                         ::testing::Values(Tested("quorum", rabbitmq::QueueType::kQuorum, false, ""),
                                           Tested("classic_tls_exchange", rabbitmq::QueueType::kClassic, true, "asya")),
                         [](const auto& tested) { return tested.param.name; });

// Told by nobody else: the messages are sent by another one.
TEST(RabbitmqAdministration, LooksAtManyQueuesInTurn) {
  if (!RabbitmqVhost::IsThere()) GTEST_SKIP() << "needs tools/rabbitmq run";
  const RabbitmqVhost vhost;
  rabbitmq::AdministrationSettings settings;
  settings.address = vhost.address(false);
  settings.queue_type = rabbitmq::QueueType::kClassic;
  settings.hint_poll = std::chrono::milliseconds(10);
  settings.looks_max = 2;
  rabbitmq::Administration looking(settings, RealClock());
  rabbitmq::Administration sending(settings, RealClock());
  looking.Start();
  sending.Start();
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::string> hinted;
  const auto subscription = looking.SubscribeHints([&](const std::string& queue) {
    const std::lock_guard lock(mutex);
    hinted.insert(queue);
    changed.notify_all();
  });
  std::set<std::string> queues;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    queues.insert(name);
    ASSERT_TRUE(looking.Ensure({name, "uid"}).ok());
    ASSERT_TRUE(sending.Publish({{name, "{}", "id"}}, std::chrono::seconds(30)).ok());
  }
  std::unique_lock lock(mutex);
  EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return hinted == queues; }));
}

TEST(RabbitmqAdministration, TellsOfQueuesThatOthersHaveMade) {
  if (!RabbitmqVhost::IsThere()) GTEST_SKIP() << "needs tools/rabbitmq run";
  const RabbitmqVhost vhost;
  rabbitmq::AdministrationSettings settings;
  settings.address = vhost.address(false);
  settings.hint_poll = std::chrono::milliseconds(10);
  rabbitmq::Administration making(settings, RealClock());
  rabbitmq::Administration asking(settings, RealClock());
  making.Start();
  asking.Start();
  std::promise<std::string> told;
  const auto subscription = asking.SubscribeHints([&, first = true](const std::string& queue) mutable {
    if (std::exchange(first, false)) told.set_value(queue);
  });
  ASSERT_TRUE(making.Ensure({"a", "uid"}).ok());
  ASSERT_TRUE(asking.Stats("a").ok());
  ASSERT_TRUE(making.Publish({{"a", "{}", "id"}}, std::chrono::seconds(30)).ok());
  auto hint = told.get_future();
  ASSERT_EQ(hint.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(hint.get(), "a");
  ASSERT_TRUE(making.Remove("a", true).ok());
  EXPECT_EQ(asking.Stats("a").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(asking.List().ok());
  EXPECT_TRUE(asking.List()->empty()) << "it is not looked at for ever";
}

}  // namespace
}  // namespace asya::transports::conformance
