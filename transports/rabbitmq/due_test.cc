// What was delayed comes back to its queue, whoever has made that, and with few permissions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "tests/support/rabbitmq_vhost.h"
#include "tests/support/tcp_proxy.h"
#include "transports/conformance/message_queue_suite.h"
#include "transports/conformance/recorder_suite.h"
#include "transports/rabbitmq/administration.h"
#include "transports/rabbitmq/consumer.h"

namespace asya::transports::rabbitmq {
namespace {

using conformance::Ack;
using conformance::kPatience;
using conformance::Recorder;
using conformance::Retry;
using tests::RabbitmqVhost;

class Due : public ::testing::Test {
 protected:
  static constexpr const char* kQueue = "asya-test-a";

  void SetUp() override {
    if (!RabbitmqVhost::IsThere()) GTEST_SKIP() << "needs a server: run under tools/rabbitmq run";
    vhost_ = std::make_unique<RabbitmqVhost>();
    RabbitmqVhost::Call("PUT", "/api/users/" + vhost_->name(), R"({"password":"of-a-relay","tags":""})");
    AdministrationSettings settings;
    settings.address = vhost_->address();
    std::uint16_t port = 0;
    std::from_chars(settings.address.port.data(), settings.address.port.data() + settings.address.port.size(), port);
    proxy_ = std::make_unique<tests::TcpProxy>(port);
    administration_ = std::make_unique<Administration>(settings, RealClock());
    administration_->Start();
  }
  void TearDown() override {
    if (vhost_ != nullptr) RabbitmqVhost::Call("DELETE", "/api/users/" + vhost_->name());
  }
  // The permissions that docs/rabbitmq.md gives to a relay, and more to write.
  void Permit(const std::string& write) {
    const std::string own = R"(asya\\.(delay\\..*|due|lost|pardon.*))";
    RabbitmqVhost::Call(
        "PUT", "/api/permissions/" + vhost_->name() + "/" + vhost_->name(),
        R"({"configure":")" + own + R"(","write":")" + own + "|amq\\\\.default" + write + R"(","read":"asya[.-].*"})");
  }
  void MakeByHand(const std::string& type) {
    RabbitmqVhost::Call("PUT", "/api/queues/" + vhost_->name() + "/" + kQueue,
                        R"({"durable":true,"arguments":{"x-queue-type":")" + type + R"("}})");
  }
  std::unique_ptr<Recorder> NewRelay() {
    ConsumerSettings settings;
    settings.address = vhost_->address();
    settings.address.host = "127.0.0.1";
    settings.address.port = std::to_string(proxy_->port());
    settings.address.user = vhost_->name();
    settings.address.password = "of-a-relay";
    settings.queue = kQueue;
    settings.on_unbound = [this](const std::string& reason) {
      const std::lock_guard lock(mutex_);
      told_.push_back(reason);
    };
    auto relay = std::make_unique<Recorder>(std::make_unique<Consumer>(settings, RealClock(), random_), 2);
    relay->Start();
    EXPECT_EQ(relay->TakeConnection(), true) << relay->LastReason();
    return relay;
  }
  // Sends a message, which fails and has to come back, so often.
  void RetryAndAwait(Recorder& relay, int times) {
    ASSERT_TRUE(administration_->Publish({{kQueue, "first", "m"}}, kPatience).ok());
    for (int retry = 0; retry < times; ++retry) {
      const auto taken = relay.Take(1);
      ASSERT_EQ(taken.size(), 1U) << retry;
      ASSERT_TRUE(relay.Settle(Retry(taken[0].tag, "again", std::chrono::milliseconds(50))).ok());
      relay.Queue().Grant(1);
    }
    const auto taken = relay.Take(1);
    ASSERT_EQ(taken.size(), 1U) << "lost: " << administration_->Stats(kLost)->visible;
    EXPECT_EQ(taken[0].body, "again");
    EXPECT_TRUE(relay.Settle(Ack(taken[0].tag)).ok());
    relay.Queue().Grant(1);
  }
  std::vector<std::string> Told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

  Random random_{SystemSeed()};
  std::unique_ptr<RabbitmqVhost> vhost_;
  std::unique_ptr<tests::TcpProxy> proxy_;
  std::unique_ptr<Administration> administration_;

 private:
  std::mutex mutex_;
  std::vector<std::string> told_;
};

class MadeByHand : public Due, public ::testing::WithParamInterface<const char*> {};

TEST_P(MadeByHand, AQueueGetsItsRetriesBack) {
  Permit("|asya-.*");
  MakeByHand(GetParam());
  const auto relay = NewRelay();
  RetryAndAwait(*relay, 2);
  EXPECT_THAT(Told(), ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Each, MadeByHand, ::testing::Values("quorum", "classic"),
                         [](const auto& type) { return std::string(type.param); });

TEST_F(Due, ARelayThatMayNotBindGoesOnAndSaysSoOnce) {
  Permit("");
  ASSERT_TRUE(administration_->Ensure({kQueue, "uid-1"}).ok());
  const auto relay = NewRelay();
  RetryAndAwait(*relay, 2);
  proxy_->Cut();
  EXPECT_EQ(relay->TakeConnection(), false);
  EXPECT_EQ(relay->TakeConnection(), true);
  RetryAndAwait(*relay, 1);
  EXPECT_THAT(Told(), ::testing::ElementsAre(::testing::HasSubstr(kQueue)));
}

// All fail at once, on a connection that has delayed nothing yet: what the broker drops with its refusal is asked
// again.
TEST_F(Due, ManyThatFailAtOnceWaitForOneAnswer) {
  constexpr int kMessages = 2;
  Permit("");
  ASSERT_TRUE(administration_->Ensure({kQueue, "uid-1"}).ok());
  const auto relay = NewRelay();
  const std::vector<ports::Outgoing> messages{{kQueue, "a", "a"}, {kQueue, "b", "b"}};
  ASSERT_TRUE(administration_->Publish(messages, kPatience).ok());
  const auto taken = relay->Take(kMessages);
  ASSERT_EQ(taken.size(), messages.size());
  for (const auto& delivery : taken) {
    relay->Queue().Settle(Retry(delivery.tag, "again", std::chrono::milliseconds(50)));
  }
  relay->Queue().Grant(kMessages);
  EXPECT_EQ(relay->Take(kMessages).size(), messages.size());
}

}  // namespace
}  // namespace asya::transports::rabbitmq
